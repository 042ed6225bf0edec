using System.Diagnostics;
using System.Globalization;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;

namespace Datapath.Bench.Policies;

/// <summary>What many different policies over many networks come to: compiled once, then written in both forms of rows.</summary>
internal sealed record RowsMeasurement(double CompileMs, double AllocatedMb, CompiledPolicy Compiled)
{
    public string Text
    {
        get
        {
            long runs = Compiled.Rows.Sum(row => (long)row.Runs.Length);
            return string.Create(
                CultureInfo.InvariantCulture,
                $"compile {CompileMs:F0} ms, {AllocatedMb:F0} MB allocated; {Compiled.Peers.ClassCount} peer classes, {Compiled.Ports.ClassCount} port classes, {Compiled.Policies.Length} policies, {Compiled.Rows.Length} rows of {(double)runs / Compiled.Rows.Length:F1} runs, {Compiled.Descriptors.Length} descriptors"
            );
        }
    }

    public static RowsMeasurement Of(LargePolicy size)
    {
        PolicyResolution resolution = PolicyResolver.Resolve(size.Write(), HostInventory.Unknown, new PolicyOptions());
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        long start = Stopwatch.GetTimestamp();
        PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty);
        double compileMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        double megabytes = (GC.GetTotalAllocatedBytes(precise: true) - allocated) / 1e6;
        return new RowsMeasurement(compileMs, megabytes, compilation.Policy ?? throw new InvalidOperationException(compilation.Diagnostics[0].Message));
    }

    /// <summary>Size of the image and of its rows, and how long it takes to write.</summary>
    /// <param name="form">The form; null for the one that the encoder takes.</param>
    public string Encoded(RowForm? form)
    {
        long start = Stopwatch.GetTimestamp();
        PolicyImage image = PolicyImageEncoder.Encode(Compiled, form);
        double ms = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return string.Create(CultureInfo.InvariantCulture, $"{RowFormText.Of(image.Layout.Form)}: rows {image.Layout.RowBytes / 1e6:F1} MB, image {image.Bytes / 1e6:F1} MB, written in {ms:F0} ms");
    }
}
