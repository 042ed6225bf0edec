using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;
using Datapath.Backends.Host;
using Datapath.Backends.Selection;

namespace Datapath.Agent.Collecting;

/// <summary>Puts into an archive what somebody needs who looks for a fault from afar. A part that cannot be had is named, and the rest goes on.</summary>
/// <param name="archive">Takes the parts.</param>
/// <param name="socketPath">Where the agent listens, if it runs.</param>
/// <param name="stateDirectory">Where the agent keeps what outlives it.</param>
internal sealed class SupportCollector(SupportArchive archive, string socketPath, string stateDirectory)
{
    // Of each file; the end of it is what counts.
    private const int MostBytesOfFile = 16 << 20;

    private const string JournalLines = "20000";

    private static readonly (string Name, string Question)[] Answers =
    [
        ("agent/version.json", "/v1/version"),
        ("agent/status.json", "/v1/status"),
        ("agent/counters.json", "/v1/counters"),
        ("agent/top.json", "/v1/top"),
        ("agent/connections.json", "/v1/connections?limit=100000"),
        ("agent/policy-active.json", "/v1/policy/active"),
        ("agent/policy-confirmed.json", "/v1/policy/confirmed"),
    ];

    /// <summary>What the agent answers; nothing of it when it does not run.</summary>
    /// <param name="cancellation">Gives up.</param>
    public async Task AgentAsync(CancellationToken cancellation)
    {
        foreach ((string name, string question) in Answers)
        {
            (string? text, string? problem) = await AgentClient.TextAsync(socketPath, question, cancellation);
            await (text is null ? LackAsync(name, problem!) : archive.AddAsync(name, text));
        }
    }

    /// <summary>What the host has of what is needed, and what the agent is told.</summary>
    /// <param name="host">What was found.</param>
    /// <param name="choice">What follows.</param>
    /// <param name="configuration">Each setting with its origin.</param>
    public async Task HostAsync(HostSurvey host, BackendSelection choice, ConfigDocument configuration)
    {
        await archive.AddAsync("doctor.json", JsonSerializer.Serialize(DoctorDocument.Of(host, choice), AgentJson.Indented.DoctorDocument));
        await archive.AddAsync("config.json", JsonSerializer.Serialize(configuration, AgentJson.Indented.ConfigDocument));
    }

    /// <summary>What the agent has written: audit, records of flows, which policy is confirmed, numbers of rules, and the policies themselves.</summary>
    public async Task FilesAsync()
    {
        if (!Directory.Exists(stateDirectory))
        {
            archive.Lack("state", $"{stateDirectory} is not there");
            return;
        }

        foreach (string path in Directory.EnumerateFiles(stateDirectory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = $"state/{Path.GetRelativePath(stateDirectory, path)}";
            try
            {
                await archive.AddAsync(name, await EndOfAsync(path));
            }
            catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
            {
                archive.Lack(name, refusal.Message);
            }
        }
    }

    /// <summary>The log, as the journal has it.</summary>
    public Task LogsAsync(string unit) =>
        Directory.Exists("/run/systemd/system")
            ? archive.AddAsync("logs/journal.txt", HostPrograms.Output("journalctl", ["--no-pager", "-o", "short-iso-precise", "-n", JournalLines, "-u", unit]))
            : LackAsync("logs/journal.txt", "systemd does not run this host: the log is where standard error goes");

    /// <summary>What is in the kernel, as the host's own programs show it.</summary>
    /// <param name="interfaces">Those whose filters are listed.</param>
    public async Task KernelAsync(IEnumerable<string> interfaces)
    {
        IEnumerable<string[]> filters = interfaces.SelectMany(one => new[] { KernelListings.Filters(one, "ingress"), KernelListings.Filters(one, "egress") });
        foreach (string[] command in KernelListings.Commands.Concat(filters))
        {
            string name = $"kernel/{string.Join('_', command).Replace('/', '_')}.txt";
            await archive.AddAsync(name, HostPrograms.Output(command[0], command[1..]));
        }

        foreach (string path in KernelListings.Files)
        {
            string name = $"kernel{path}";
            try
            {
                await archive.AddAsync(name, await File.ReadAllTextAsync(path));
            }
            catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
            {
                archive.Lack(name, refusal.Message);
            }
        }
    }

    /// <summary>The packets that are dropped at a unit from now on.</summary>
    /// <param name="unit">Name of the unit.</param>
    /// <param name="time">How long.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Why there are none; null when the file is there.</returns>
    public async Task<string?> PacketsAsync(string unit, TimeSpan time, CancellationToken cancellation)
    {
        string name = $"pcap/{unit.Trim('/').Replace('/', '-')}.pcap";
        (byte[]? packets, string? problem, string? unseen) = await AgentClient.CaptureAsync(socketPath, unit, time, cancellation);
        if (packets is null)
        {
            archive.Lack(name, problem!);
            return problem;
        }

        await archive.AddAsync(name, packets);
        if (unseen is not (null or "0"))
        {
            archive.Lack($"{name} (in part)", $"{unseen} dropped flows of which no interface saw a packet: the host sent them itself");
        }

        return null;
    }

    private Task LackAsync(string name, string reason)
    {
        archive.Lack(name, reason);
        return Task.CompletedTask;
    }

    private static async Task<string> EndOfAsync(string path)
    {
        await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Seek(Math.Max(0, file.Length - MostBytesOfFile), SeekOrigin.Begin);
        using StreamReader reader = new(file);
        return await reader.ReadToEndAsync();
    }
}
