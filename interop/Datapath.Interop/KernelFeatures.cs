using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Interop;

/// <summary>Asks the running kernel what it can do, by trying. Nothing that is tried stays, and nothing is attached or mounted.</summary>
public static class KernelFeatures
{
    private const string JitSwitch = "/proc/sys/net/core/bpf_jit_enable";
    private const int LoopbackIndex = 1;

    /// <summary>The numbers that mean "I do not know this", rather than "you may not".</summary>
    private static readonly ImmutableArray<int> Unknown =
        [Errno.Invalid, Errno.NoSystemCall, Errno.NotSupported, Errno.NotSupportedInsideKernel, Errno.TooBig];

    /// <summary>Whether libbpf is installed; without it none of the other questions can be asked.</summary>
    public static bool HasLibbpf { get; } = NativeLibrary.TryLoad(LibbpfApi.Library, out _);

    /// <summary>Every probe, in the order of their need.</summary>
    public static ImmutableArray<KernelFeature> ProbeAll() =>
        [Bpf(), Map(BpfMapType.RingBuffer), MappableArray(), Program(BpfProgramType.TrafficClassifier), Tcx(), FileSystem(), Jit()];

    /// <summary>Whether bpf(2) makes maps for us.</summary>
    public static KernelFeature Bpf() => Probe("bpf(2)", new(3, 18, 0), "made an array map", () => Make(BpfMapType.Array, flags: 0));

    /// <summary>Whether user space can map an array into its memory.</summary>
    public static KernelFeature MappableArray() =>
        Probe("mmapable array", new(5, 5, 0), "made one", () => Make(BpfMapType.Array, BpfMap.Mappable));

    /// <summary>Whether there are maps of a kind. Asks libbpf, which tells no refusal from another: ask <see cref="Bpf"/> first.</summary>
    /// <param name="type">The kind.</param>
    public static KernelFeature Map(BpfMapType type) =>
        AskLibbpf($"map type {Word(type)}", VersionOf(type), () => LibbpfProbe.Map(type));

    /// <summary>Whether programs of a kind can be loaded. Asks libbpf, which tells no refusal from another: ask <see cref="Bpf"/> first.</summary>
    /// <param name="type">The kind.</param>
    public static KernelFeature Program(BpfProgramType type) =>
        AskLibbpf($"program type {Word(type)}", VersionOf(type), () => LibbpfProbe.Program(type));

    /// <summary>The kind of our programs that calls a function of the kernel; those at tc where several do.</summary>
    /// <param name="helper">The function.</param>
    public static BpfProgramType CallerOf(BpfHelper helper) =>
        helper
            is BpfHelper.GetCurrentPidTgid
                or BpfHelper.GetCurrentUidGid
                or BpfHelper.GetCurrentComm
                or BpfHelper.GetCurrentCgroupId
                or BpfHelper.GetCurrentAncestorCgroupId
                or BpfHelper.GetNetnsCookie
            ? BpfProgramType.CgroupSocketAddress
            : BpfProgramType.TrafficClassifier;

    /// <summary>Whether the kind of program that needs it may call a function of the kernel.</summary>
    /// <param name="helper">The function.</param>
    public static KernelFeature Helper(BpfHelper helper) =>
        AskLibbpf($"helper bpf_{JsonNamingPolicy.SnakeCaseLower.ConvertName(helper.ToString())}", VersionOf(helper), () => LibbpfProbe.Helper(CallerOf(helper), helper));

    /// <summary>Whether tc programs can be attached as links.</summary>
    /// <remarks>Asks what is attached to the loopback, which every namespace has; nothing is attached.</remarks>
    public static KernelFeature Tcx() =>
        Probe("tcx", new(6, 6, 0), "asked for the tcx programs of the loopback", () => TcHook.RequireTcx(LoopbackIndex));

    /// <summary>Whether a bpf file system is mounted at its usual place.</summary>
    public static KernelFeature FileSystem()
    {
        const string Place = "/sys/fs/bpf";
        return BpfFs.IsMounted(Place)
            ? new KernelFeature("bpf file system", FeatureAnswer.Yes, $"mounted on {Place}", new(4, 4, 0))
            : new KernelFeature("bpf file system", FeatureAnswer.No, $"nothing mounted on {Place}", new(4, 4, 0));
    }

    /// <summary>Whether this process could mount a bpf file system. Mounts none.</summary>
    public static KernelFeature MountableFileSystem() =>
        Probe("mountable bpf file system", new(4, 4, 0), "opened one without mounting it", BpfFs.RequireMountable);

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

    private static void Make(BpfMapType type, uint flags)
    {
        using BpfMap map = BpfMap.Create(type, "dp_probe", sizeof(uint), sizeof(uint), maxEntries: 1, flags);
    }

    private static KernelFeature Probe(string name, KernelVersion first, string success, Action attempt)
    {
        if (!HasLibbpf)
        {
            return NotAsked(name, first);
        }

        try
        {
            attempt();
            return new KernelFeature(name, FeatureAnswer.Yes, success, first);
        }
        catch (KernelException refusal)
        {
            FeatureAnswer answer = Unknown.Contains(refusal.Number) ? FeatureAnswer.No : FeatureAnswer.CouldNotTell;
            return new KernelFeature(name, answer, refusal.Message, first, refusal.Number);
        }
    }

    // 1: the kernel has it, 0: it refused for whatever reason, below 0: libbpf could not ask.
    private static KernelFeature AskLibbpf(string name, KernelVersion first, Func<int> question)
    {
        if (!HasLibbpf)
        {
            return NotAsked(name, first);
        }

        int result = question();
        return result switch
        {
            > 0 => new KernelFeature(name, FeatureAnswer.Yes, "libbpf tried it, and it works", first),
            0 => new KernelFeature(name, FeatureAnswer.No, "libbpf tried it and the kernel refused", first),
            _ => new KernelFeature(name, FeatureAnswer.CouldNotTell, $"libbpf could not try it: {Errno.Symbol(-result)}", first, -result),
        };
    }

    private static KernelFeature NotAsked(string name, KernelVersion first) =>
        new(name, FeatureAnswer.CouldNotTell, $"{LibbpfApi.Library} is not installed", first);

    private static KernelVersion VersionOf(BpfMapType type) =>
        type switch
        {
            BpfMapType.Hash or BpfMapType.Array => new(3, 19, 0),
            BpfMapType.PerCpuHash or BpfMapType.PerCpuArray => new(4, 6, 0),
            BpfMapType.LruHash or BpfMapType.LruPerCpuHash => new(4, 10, 0),
            BpfMapType.LongestPrefixTrie => new(4, 11, 0),
            BpfMapType.ArrayOfMaps or BpfMapType.HashOfMaps => new(4, 12, 0),
            BpfMapType.Stack => new(4, 20, 0),
            BpfMapType.RingBuffer => new(5, 8, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "a kind of map that nothing here uses"),
        };

    private static KernelVersion VersionOf(BpfProgramType type) =>
        type switch
        {
            BpfProgramType.TrafficClassifier => new(4, 1, 0),
            BpfProgramType.Xdp => new(4, 8, 0),
            BpfProgramType.CgroupPacket => new(4, 10, 0),
            BpfProgramType.CgroupSocketAddress => new(4, 17, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "a kind of program that nothing here uses"),
        };

    private static KernelVersion VersionOf(BpfHelper helper) =>
        helper switch
        {
            BpfHelper.MapLookupElem or BpfHelper.MapUpdateElem or BpfHelper.MapDeleteElem => new(3, 19, 0),
            BpfHelper.KtimeGetNs or BpfHelper.GetSmpProcessorId => new(4, 1, 0),
            BpfHelper.SkbStoreBytes or BpfHelper.L4CsumReplace => new(4, 1, 0),
            BpfHelper.Redirect => new(4, 4, 0),
            BpfHelper.SkbLoadBytes => new(4, 5, 0),
            BpfHelper.CsumDiff => new(4, 6, 0),
            BpfHelper.RedirectNeigh => new(5, 10, 0),
            BpfHelper.SkbPullData => new(4, 9, 0),
            BpfHelper.GetCurrentPidTgid or BpfHelper.GetCurrentUidGid or BpfHelper.GetCurrentComm => new(5, 7, 0),
            BpfHelper.GetCurrentCgroupId or BpfHelper.GetCurrentAncestorCgroupId or BpfHelper.GetNetnsCookie => new(5, 7, 0),
            BpfHelper.GetSocketCookie => new(4, 12, 0),
            BpfHelper.SkbLoadBytesRelative or BpfHelper.SkbCgroupId => new(4, 18, 0),
            BpfHelper.SkbAncestorCgroupId => new(4, 19, 0),
            BpfHelper.SkRelease or BpfHelper.MapPushElem or BpfHelper.MapPopElem => new(4, 20, 0),
            BpfHelper.SkcLookupTcp => new(5, 2, 0),
            BpfHelper.Jiffies64 => new(5, 6, 0),
            BpfHelper.KtimeGetBootNs => new(5, 8, 0),
            BpfHelper.RingbufReserve or BpfHelper.RingbufSubmit or BpfHelper.RingbufQuery => new(5, 8, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(helper), helper, "a helper that nothing here calls"),
        };

    private static string Word(BpfMapType type) =>
        type switch
        {
            BpfMapType.Hash => "hash",
            BpfMapType.Array => "array",
            BpfMapType.PerCpuArray => "percpu_array",
            BpfMapType.LruHash => "lru_hash",
            BpfMapType.LongestPrefixTrie => "lpm_trie",
            BpfMapType.Stack => "stack",
            BpfMapType.RingBuffer => "ringbuf",
            _ => type.ToString(),
        };

    private static string Word(BpfProgramType type) =>
        type switch
        {
            BpfProgramType.TrafficClassifier => "sched_cls",
            BpfProgramType.Xdp => "xdp",
            BpfProgramType.CgroupPacket => "cgroup_skb",
            BpfProgramType.CgroupSocketAddress => "cgroup_sock_addr",
            _ => type.ToString(),
        };
}
