using System.Collections.Immutable;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Interop;

/// <summary>Asks the running kernel what it can do, by trying.</summary>
public static class KernelFeatures
{
    private const string JitSwitch = "/proc/sys/net/core/bpf_jit_enable";
    private const int LoopbackIndex = 1;

    /// <summary>The numbers that mean "I do not know this", rather than "you may not".</summary>
    private static readonly ImmutableArray<int> Unknown =
        [Errno.Invalid, Errno.NoSystemCall, Errno.NotSupported, Errno.NotSupportedInsideKernel, Errno.TooBig];

    /// <summary>Every probe, in the order of their need.</summary>
    public static ImmutableArray<KernelFeature> ProbeAll() => [Bpf(), RingBuffer(), Tcx(), FileSystem(), Jit()];

    /// <summary>Whether bpf(2) makes maps for us.</summary>
    public static KernelFeature Bpf() => Probe("bpf(2)", new(3, 18, 0), "made an array map", () => Make(BpfMapType.Array, 4, 4, 1));

    /// <summary>Whether there are ring buffers.</summary>
    public static KernelFeature RingBuffer() =>
        Probe("ring buffer", new(5, 8, 0), "made a ring buffer", () => Make(BpfMapType.RingBuffer, 0, 0, (uint)Environment.SystemPageSize));

    /// <summary>Whether tc programs can be attached as links.</summary>
    /// <remarks>Asks what is attached to the loopback, which every namespace has; nothing is attached.</remarks>
    public static KernelFeature Tcx() => Probe(
        "tcx",
        new(6, 6, 0),
        "asked for the tcx programs of the loopback",
        () => TcHook.RequireTcx(LoopbackIndex));

    /// <summary>Whether a bpf file system is mounted at its usual place.</summary>
    public static KernelFeature FileSystem()
    {
        const string Place = "/sys/fs/bpf";
        return BpfFs.IsMounted(Place)
            ? new KernelFeature("bpf file system", FeatureAnswer.Yes, $"mounted on {Place}", new(4, 4, 0))
            : new KernelFeature("bpf file system", FeatureAnswer.No, $"nothing mounted on {Place}", new(4, 4, 0));
    }

    /// <summary>Whether programs are compiled to machine code.</summary>
    public static KernelFeature Jit()
    {
        var first = new KernelVersion(3, 0, 0);
        try
        {
            string value = File.ReadAllText(JitSwitch).Trim();
            return new KernelFeature("JIT", value == "0" ? FeatureAnswer.No : FeatureAnswer.Yes, $"{JitSwitch} is {value}", first);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // The switch belongs to the first network namespace: a container may not have it.
            return new KernelFeature("JIT", FeatureAnswer.CouldNotTell, problem.Message, first);
        }
    }

    private static void Make(BpfMapType type, int keyBytes, int valueBytes, uint entries)
    {
        using BpfMap map = BpfMap.Create(type, "dp_probe", keyBytes, valueBytes, entries);
    }

    private static KernelFeature Probe(string name, KernelVersion first, string success, Action attempt)
    {
        try
        {
            attempt();
            return new KernelFeature(name, FeatureAnswer.Yes, success, first);
        }
        catch (KernelException refusal)
        {
            FeatureAnswer answer = Unknown.Contains(refusal.Number) ? FeatureAnswer.No : FeatureAnswer.CouldNotTell;
            return new KernelFeature(name, answer, refusal.Message, first);
        }
        catch (DllNotFoundException missing)
        {
            return new KernelFeature(name, FeatureAnswer.CouldNotTell, $"libbpf is not installed: {missing.Message}", first);
        }
    }
}
