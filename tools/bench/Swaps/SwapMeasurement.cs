using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Bench.Policies;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Swaps;

/// <summary>What it takes to bring policies into the kernel and to take one over: the median of some runs, each step in milliseconds.</summary>
/// <param name="Swap">A policy for another one.</param>
/// <param name="Ruleset">One rule of one ruleset changed.</param>
/// <param name="Address">One address of a unit more.</param>
/// <param name="AdoptMs">Adoption by another agent.</param>
/// <param name="GraceMs">The kernel's grace period, which the apply of every change waits for once.</param>
internal sealed record SwapMeasurement(ChangeTimes Swap, ChangeTimes Ruleset, ChangeTimes Address, double AdoptMs, double GraceMs)
{
    private const int Runs = 7;

    private static readonly HostSnapshot NoInterfaces = new([], [], []);

    public string Text =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"swap {Swap.Text}; one rule changed {Ruleset.Text}; one address more {Address.Text}; adoption {AdoptMs:F0} ms; besides, each apply waits for a grace period of {GraceMs:F0} ms"
        );

    /// <summary>How much longer everything takes than in a smaller measurement.</summary>
    public string GrowthFrom(SwapMeasurement small) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"swap {Swap.TotalMs / small.Swap.TotalMs:F1} times, one rule {Ruleset.TotalMs / small.Ruleset.TotalMs:F1}, one address {Address.TotalMs / small.Address.TotalMs:F1}, adoption {AdoptMs / small.AdoptMs:F1}"
        );

    /// <summary>Measures in a network namespace of its own.</summary>
    /// <param name="size">The policy.</param>
    public static SwapMeasurement Of(LargePolicy size)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"dpb-{Environment.ProcessId}");
        CommandRunner.Run("ip", ["netns", "add", name]);
        try
        {
            using var space = NetworkNamespace.OpenNamed(name);
            return space.Run(() => Of(size, new EbpfOptions { Instance = name, ArenaBytes = 128 << 20 }));
        }
        finally
        {
            CommandRunner.Run("ip", ["netns", "delete", name]);
        }
    }

    private static SwapMeasurement Of(LargePolicy size, EbpfOptions options)
    {
        using var backend = new EbpfBackend(options);
        try
        {
            var pipeline = new Pipeline(backend);
            WrittenPolicy written = size.Write();
            pipeline.Apply(written);
            List<ChangeTimes> swaps = [];
            List<ChangeTimes> rulesets = [];
            List<ChangeTimes> addresses = [];
            List<double> adoptions = [];
            List<double> graces = [];
            for (int run = 0; run < Runs; run++)
            {
                written = written with { ExternalNetworks = Moved(written.ExternalNetworks) };
                swaps.Add(pipeline.Apply(written));
                written = written with { Rulesets = Changed(written.Rulesets, run) };
                rulesets.Add(pipeline.Apply(written));
                written = written with { ProcessingUnits = Joined(written.ProcessingUnits, run) };
                addresses.Add(pipeline.Apply(written));
                adoptions.Add(Timed(() => Adopt(options)));
                graces.Add(Timed(GracePeriod.Wait));
            }

            return new SwapMeasurement(Median(swaps), Median(rulesets), Median(addresses), adoptions.Order().ElementAt(Runs / 2), graces.Order().ElementAt(Runs / 2));
        }
        finally
        {
            backend.Remove(dryRun: false);
        }
    }

    private static double Timed(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static ChangeTimes Median(List<ChangeTimes> times) => times.OrderBy(one => one.TotalMs).ElementAt(times.Count / 2);

    private static void Adopt(EbpfOptions options)
    {
        using var successor = new EbpfBackend(options);
        successor.Adopt();
    }

    /// <summary>Every prefix is somewhere else.</summary>
    private static ImmutableArray<ExternalNetwork> Moved(ImmutableArray<ExternalNetwork> networks) =>
        [.. networks.Select(network => network with { Entries = [.. network.Entries.Select(entry => entry with { Network = Moved(entry.Network) })] })];

    // A bit that every prefix here is longer than.
    private static IpPrefix Moved(IpPrefix prefix) => prefix with { Address = prefix.Address ^ (UInt128.One << (prefix.IsIPv6 ? 108 : 25)) };

    private static ImmutableArray<NetworkRuleset> Changed(ImmutableArray<NetworkRuleset> rulesets, int run)
    {
        NetworkRuleset ruleset = rulesets[run % rulesets.Length];
        NetworkRule rule = ruleset.IncomingRules[run];
        rule = rule with { Action = rule.Action == Verdict.Allow ? Verdict.Reject : Verdict.Allow };
        return rulesets.SetItem(run % rulesets.Length, ruleset with { IncomingRules = ruleset.IncomingRules.SetItem(run, rule) });
    }

    private static ImmutableArray<ProcessingUnit> Joined(ImmutableArray<ProcessingUnit> units, int run) =>
        units.SetItem(0, units[0] with { Addresses = units[0].Addresses.Add(new IPAddress([10, 78, 0, (byte)run])) });

    /// <summary>What an agent does with each change.</summary>
    private sealed class Pipeline(EbpfBackend backend)
    {
        private readonly ResolutionMemory _resolutions = new();
        private readonly CompilationMemory _memory = new();
        private RuleIndexes _indexes = RuleIndexes.Empty;

        public ChangeTimes Apply(WrittenPolicy written)
        {
            PolicyResolution? resolution = null;
            PolicyCompilation? compilation = null;
            double resolveMs = Timed(() => resolution = PolicyResolver.Resolve(written, HostInventory.Unknown, new PolicyOptions(), _resolutions));
            double compileMs = Timed(() => compilation = PolicyCompiler.Compile(resolution!.Policy, _indexes, _memory));
            _indexes = compilation!.Indexes;
            CompiledPolicy policy = compilation.Policy ?? throw new InvalidOperationException(compilation.Diagnostics[0].Message);
            ApplyTimes apply = backend.Apply(policy, NoInterfaces).Times ?? throw new InvalidOperationException("the backend tells no times");
            return new ChangeTimes(resolveMs, compileMs, apply);
        }
    }
}

/// <summary>The steps of a change.</summary>
/// <param name="ResolveMs">Written to resolved.</param>
/// <param name="CompileMs">Resolved to compiled.</param>
/// <param name="Apply">Compiled to the kernel.</param>
internal readonly record struct ChangeTimes(double ResolveMs, double CompileMs, ApplyTimes Apply)
{
    /// <summary>All of it but the grace period.</summary>
    public double TotalMs => ResolveMs + CompileMs + (Apply.Encode + Apply.Write + Apply.Rest).TotalMilliseconds;

    /// <summary>All of it, and each step.</summary>
    public string Text =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{TotalMs:F1} ms (resolve {ResolveMs:F1}, compile {CompileMs:F1}, encode {Apply.Encode.TotalMilliseconds:F1}, write {Apply.Write.TotalMilliseconds:F1}, rest {Apply.Rest.TotalMilliseconds:F1})"
        );
}
