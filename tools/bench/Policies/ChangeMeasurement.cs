using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Policies;

/// <summary>The processor time that it takes to compile again after one ruleset, or one address of a unit, has changed.</summary>
/// <remarks>Processor time, all threads together: at this size what else the machine does would be most of a measurement by the clock.</remarks>
internal sealed record ChangeMeasurement(double ResolveMs, double RulesetMs, double AddressMs)
{
    private const int Runs = 9;

    public string Text =>
        string.Create(CultureInfo.InvariantCulture, $"resolve {ResolveMs:F0} ms, compile {RulesetMs:F0} ms; one address more: compile {AddressMs:F0} ms");

    public static ChangeMeasurement Of(LargePolicy size)
    {
        WrittenPolicy written = size.Write();
        var memory = new CompilationMemory();
        RuleIndexes indexes = Compile(written, RuleIndexes.Empty, memory, out _, out _);
        var best = new ChangeMeasurement(double.MaxValue, double.MaxValue, double.MaxValue);
        for (int run = 0; run < Runs; run++)
        {
            written = written with { Rulesets = Changed(written.Rulesets, run) };
            indexes = Compile(written, indexes, memory, out double resolveMs, out double rulesetMs);
            ProcessingUnit unit = written.ProcessingUnits[0];
            unit = unit with { Addresses = unit.Addresses.Add(new IPAddress([10, 78, 0, (byte)run])) };
            written = written with { ProcessingUnits = written.ProcessingUnits.SetItem(0, unit) };
            indexes = Compile(written, indexes, memory, out _, out double addressMs);
            best = new ChangeMeasurement(
                Math.Min(best.ResolveMs, resolveMs),
                Math.Min(best.RulesetMs, rulesetMs),
                Math.Min(best.AddressMs, addressMs)
            );
        }
        return best;
    }

    /// <summary>Another ruleset each time; a rule of it changes its action.</summary>
    private static ImmutableArray<NetworkRuleset> Changed(ImmutableArray<NetworkRuleset> rulesets, int run)
    {
        NetworkRuleset ruleset = rulesets[run * 7];
        NetworkRule rule = ruleset.IncomingRules[run];
        rule = rule with { Action = rule.Action == Verdict.Allow ? Verdict.Reject : Verdict.Allow };
        return rulesets.SetItem(run * 7, ruleset with { IncomingRules = ruleset.IncomingRules.SetItem(run, rule) });
    }

    private static RuleIndexes Compile(
        WrittenPolicy written,
        RuleIndexes indexes,
        CompilationMemory memory,
        out double resolveMs,
        out double compileMs
    )
    {
        TimeSpan start = Environment.CpuUsage.UserTime;
        PolicyResolution resolution = PolicyResolver.Resolve(written, HostInventory.Unknown, new PolicyOptions());
        resolveMs = (Environment.CpuUsage.UserTime - start).TotalMilliseconds;
        start = Environment.CpuUsage.UserTime;
        PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, indexes, memory);
        compileMs = (Environment.CpuUsage.UserTime - start).TotalMilliseconds;
        return compilation.Policy is null
            ? throw new InvalidOperationException(compilation.Diagnostics[0].Message)
            : compilation.Indexes;
    }
}
