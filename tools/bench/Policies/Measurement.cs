using System.Diagnostics;
using System.Globalization;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Policies;

/// <summary>One policy resolved and compiled: the best of some runs, because what disturbs a run only makes it longer.</summary>
internal sealed record Measurement(double ResolveMs, double CompileMs, double CpuMs, double AllocatedMb, CompiledPolicy Compiled)
{
    private const int Runs = 5;

    public string Text =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"resolve {ResolveMs:F0} ms, compile {CompileMs:F0} ms (both {CpuMs:F0} ms of processor time), {AllocatedMb:F0} MB allocated; {Compiled.Peers.ClassCount} peer classes, {Compiled.Peers.IPv4.Count + Compiled.Peers.IPv6.Count} ranges, {Compiled.Ports.ClassCount} port classes, {Compiled.Rows.Length} rows, {Compiled.Descriptors.Length} descriptors"
        );

    public static Measurement Of(LargePolicy size)
    {
        WrittenPolicy written = size.Write();
        Measurement? best = null;
        for (int run = 0; run < Runs; run++)
        {
            long allocated = GC.GetTotalAllocatedBytes(precise: true);
            TimeSpan cpu = Environment.CpuUsage.UserTime;
            long start = Stopwatch.GetTimestamp();
            PolicyResolution resolution = PolicyResolver.Resolve(written, HostInventory.Unknown, new PolicyOptions());
            double resolveMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            start = Stopwatch.GetTimestamp();
            PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty);
            double compileMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            double cpuMs = (Environment.CpuUsage.UserTime - cpu).TotalMilliseconds;
            double megabytes = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / 1e6;
            CompiledPolicy compiled = compilation.Policy ?? throw new InvalidOperationException(compilation.Diagnostics[0].Message);
            if (best is null || compileMs < best.CompileMs)
            {
                best = new Measurement(resolveMs, compileMs, cpuMs, megabytes, compiled);
            }
        }
        return best!;
    }
}
