using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Agents;

/// <summary>What an instance has in the kernel, seen with other people's tools (bpftool, tc, iptables, ipset) and not with our own.</summary>
/// <param name="instance">Name of the agent's instance.</param>
/// <param name="router">The host that it protects.</param>
/// <param name="interfaces">The host's interfaces, where nothing of anybody may be left at tc.</param>
public sealed class KernelTraces(string instance, LabHost router, ImmutableArray<string> interfaces)
{
    // Programs and maps are freed after a grace period of the kernel.
    private static readonly TimeSpan FreePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);
    private const string BpfFileSystem = "/sys/fs/bpf";
    private static readonly ImmutableArray<string> Kinds = ["prog", "map", "link"];

    // What all chains and sets of Datapath begin with.
    private const string OwnRules = "dp.";

    private static readonly ImmutableArray<string[]> Listings =
    [
        ["iptables-nft-save"], ["ip6tables-nft-save"], ["iptables-legacy-save"], ["ip6tables-legacy-save"], ["ipset", "list", "-name"],
    ];

    private readonly HashSet<(string Kind, int Id)> _objects = [];

    /// <summary>Remembers the pinned objects of the instance, the programs that use them and whatever else these use, besides those remembered before.</summary>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The pinned maps and links, and the rules and sets: what a restarted agent must find and keep.</returns>
    public async Task<ImmutableHashSet<string>> RecordAsync(CancellationToken cancellation)
    {
        var pinned = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        foreach (var kind in Kinds)
        {
            foreach (var item in (await ListAsync(kind, cancellation)).Where(IsPinnedByInstance))
            {
                var id = item.GetProperty("id").GetInt32();
                _objects.Add((kind, id));
                pinned.Add($"{kind} {id}");
            }
        }

        // Programs are found by their maps and not by links: a filter of clsact has none.
        var maps = _objects.Where(known => known.Kind == "map").Select(known => known.Id).ToHashSet();
        foreach (var program in await ListAsync("prog", cancellation))
        {
            var used = MapsOf(program);
            if (used.Any(maps.Contains))
            {
                _objects.Add(("prog", program.GetProperty("id").GetInt32()));
                _objects.UnionWith(used.Select(map => ("map", map)));
            }
        }

        pinned.UnionWith(await RulesAsync(cancellation));
        return pinned.ToImmutable();
    }

    /// <summary>What is still there of the instance.</summary>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>One sentence for each; empty when it left no trace.</returns>
    public async Task<ImmutableArray<string>> FindAsync(CancellationToken cancellation)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var traces = await LookAsync(cancellation);
            if (traces.IsEmpty || TimeProvider.System.GetElapsedTime(started) > FreePatience)
            {
                return traces;
            }

            await Task.Delay(BetweenLooks, cancellation);
        }
    }

    private async Task<ImmutableArray<string>> LookAsync(CancellationToken cancellation)
    {
        var traces = ImmutableArray.CreateBuilder<string>();
        foreach (var kind in Kinds)
        {
            var items = await ListAsync(kind, cancellation);
            var ids = items.Select(item => item.GetProperty("id").GetInt32()).ToHashSet();
            traces.AddRange(_objects.Where(known => known.Kind == kind && ids.Contains(known.Id)).Select(known => $"bpftool {kind}: id {known.Id}"));
            traces.AddRange(items.Where(IsPinnedByInstance).Select(item => $"bpftool {kind}: pinned {item.GetProperty("pinned")}"));
        }

        traces.AddRange(await RulesAsync(cancellation));
        traces.AddRange(Directories().Select(path => $"directory {path}"));
        foreach (var interfaceName in interfaces)
        {
            traces.AddRange(await FiltersAsync(interfaceName, cancellation));
        }

        return traces.ToImmutable();
    }

    // Of every instance: in the namespace of a lab there is one at a time.
    private async Task<IEnumerable<string>> RulesAsync(CancellationToken cancellation)
    {
        var found = new List<string>();
        foreach (string[] command in Listings)
        {
            var text = await OutputAsync("nsenter", [$"--net={router.NamespacePath}", .. command], cancellation);
            found.AddRange(Lines(text).Where(line => line.Contains(OwnRules, StringComparison.Ordinal)).Select(line => $"{command[0]}: {line}"));
        }

        return found;
    }

    private async Task<IEnumerable<string>> FiltersAsync(string interfaceName, CancellationToken cancellation)
    {
        var found = new List<string>();
        foreach (var direction in (string[])["ingress", "egress"])
        {
            var text = await OutputAsync("tc", ["-netns", router.NamespaceName, "filter", "show", "dev", interfaceName, direction], cancellation);
            found.AddRange(Lines(text).Select(line => $"tc filter {interfaceName} {direction}: {line}"));
        }

        var qdiscs = await OutputAsync("tc", ["-netns", router.NamespaceName, "qdisc", "show", "dev", interfaceName], cancellation);
        found.AddRange(Lines(qdiscs).Where(line => line.Contains("clsact", StringComparison.Ordinal)).Select(line => $"tc qdisc {interfaceName}: {line}"));
        return found;
    }

    private IEnumerable<string> Directories() =>
        Directory.Exists(BpfFileSystem) ? Directory.EnumerateDirectories(BpfFileSystem, instance, SearchOption.AllDirectories) : [];

    private bool IsPinnedByInstance(JsonElement item) =>
        item.TryGetProperty("pinned", out var paths)
        && paths.EnumerateArray().Any(path => path.GetString()!.Split('/').Contains(instance, StringComparer.Ordinal));

    private static ImmutableArray<int> MapsOf(JsonElement program) =>
        program.TryGetProperty("map_ids", out var ids) ? [.. ids.EnumerateArray().Select(id => id.GetInt32())] : [];

    private const int MostListings = 10;

    private static async Task<ImmutableArray<JsonElement>> ListAsync(string kind, CancellationToken cancellation)
    {
        using var list = JsonDocument.Parse(await ListingAsync(kind, cancellation));
        // bpftool says "null" or an error object where there is nothing to list.
        return list.RootElement.ValueKind == JsonValueKind.Array ? [.. list.RootElement.EnumerateArray().Select(item => item.Clone())] : [];
    }

    // bpftool gives up when an object of anybody's goes away between its listing and its opening; then it is asked again.
    private static async Task<string> ListingAsync(string kind, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await OutputAsync("bpftool", ["--json", "--bpffs", kind, "show"], cancellation);
            }
            catch (LabException) when (attempt < MostListings)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellation);
            }
        }
    }

    private static async Task<string> OutputAsync(string file, string[] arguments, CancellationToken cancellation)
    {
        var output = await CommandRunner.RunAsync(file, arguments, cancellation: cancellation);
        return output.ExitCode == 0
            ? output.StandardOutput
            : throw new LabException(string.Create(CultureInfo.InvariantCulture, $"{file} {string.Join(' ', arguments)} ended with {output.ExitCode}: {output.StandardError}"));
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
