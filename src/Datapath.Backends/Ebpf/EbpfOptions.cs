using Datapath.Backends.Ebpf.Image;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>How the eBPF backend is set up.</summary>
public sealed record EbpfOptions
{
    /// <summary>Where distributions mount it.</summary>
    public const string DefaultBpfFileSystem = "/sys/fs/bpf";

    /// <summary>The agent's option that sets <see cref="ArenaBytes"/>.</summary>
    public const string ArenaOption = "--ebpf-image-memory";

    /// <summary>What <see cref="ArenaBytes"/> is unless told otherwise, in MiB.</summary>
    public const int DefaultArenaMebibytes = 32;

    /// <summary>The most that it may be, in MiB: as much as one span of .NET reaches over.</summary>
    public const int MostArenaMebibytes = 2047;

    /// <summary>What <see cref="DigestBytes"/> is unless told otherwise, in MiB: on two CPUs room for 65,536 flows on each.</summary>
    public const int DefaultDigestMebibytes = 32;

    /// <summary>The most that it may be, in MiB: an array map of the kernel has four GiB at most.</summary>
    public const int MostDigestMebibytes = 2048;

    /// <summary>With half of it a thousand connections get in each other's way.</summary>
    internal const int LeastMemorySets = 4096;

    // Beyond that a flow of the Internet has a slot of its own.
    private const int MostMemorySets = 1 << 21;

    // struct dp_digest_set and struct dp_recollection_set of bpf/memory.h.
    private const int MemorySetBytes = 256 + 128;

    /// <summary>Name of the agent's instance; names the pins, and stands in the kernel objects.</summary>
    public required string Instance { get; init; }

    /// <summary>Where the bpf file system is, or is to be mounted.</summary>
    public string BpfFileSystem { get; init; } = DefaultBpfFileSystem;

    /// <summary>Kernel memory for the images of all live generations, in bytes. Set aside when the maps are made.</summary>
    public long ArenaBytes { get; init; } = (long)DefaultArenaMebibytes << 20;

    /// <summary>
    /// Kernel memory for what programs remember of the last packets, of all possible CPUs together, in bytes. Set aside when the programs are
    /// loaded; rounded down to a power of two for each CPU, and never less than <see cref="LeastMemorySets"/> there.
    /// </summary>
    public long DigestBytes { get; init; } = (long)DefaultDigestMebibytes << 20;

    /// <summary>Slots that each CPU has for digests, and as many for recollections.</summary>
    internal int MemorySets => Math.Max(LeastMemorySets, 1 << int.Log2((int)Math.Clamp(DigestBytes / (MemorySetBytes * PossibleCpus.Count), 1, MostMemorySets)));

    /// <summary>Highest rule index plus one; each costs 16 bytes on every possible CPU.</summary>
    public int MaxRules { get; init; } = 65536;

    /// <summary>TCP connections of each address family that are remembered for certain; some 130 bytes each, taken as they come.</summary>
    public int MaxTcpFlows { get; init; } = 262144;

    /// <summary>Answered flows of UDP and other protocols, of each family, that are remembered for certain; some 130 bytes each.</summary>
    public int MaxOtherFlows { get; init; } = 131072;

    /// <summary>
    /// Flows that nobody has proved yet, of TCP and of other protocols, of each family; some 120 bytes each, set aside. The least recently
    /// used is forgotten.
    /// </summary>
    /// <remarks>Each CPU keeps a stock of free entries: less than the default forgets earlier than it says.</remarks>
    public int MaxNewFlows { get; init; } = DefaultNewFlows;

    /// <summary>What <see cref="MaxNewFlows"/> is on this machine unless told otherwise.</summary>
    public static int DefaultNewFlows => (16 << 10) + (PossibleCpus.Count << 10);

    /// <summary>
    /// How long after the very first attachment a datagram passes as an answer where the policy allows what it may answer, although nobody saw
    /// that; zero for never.
    /// </summary>
    /// <remarks>As long as the kernel remembers an answered UDP flow (nf_conntrack_udp_timeout_stream).</remarks>
    public TimeSpan DoubtTime { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Whether each flow has an account of its packets and bytes, which costs each packet a lookup.</summary>
    public bool KeepsAccounts { get; init; }

    /// <summary>Flows that have an account at a time; some 140 bytes each, set aside. The least recently used is forgotten.</summary>
    internal int Accounts => KeepsAccounts ? 1 << 17 : 1;

    /// <summary>How programs are attached.</summary>
    public TcHookChoice TcHook { get; init; }

    /// <summary>Whether packets are dropped early, at XDP.</summary>
    public XdpChoice Xdp { get; init; }

    /// <summary>Whether TCP connections that policy rejects are refused at connect(2), by programs at cgroups.</summary>
    public bool EarlyReject { get; init; }

    /// <summary>Whose: the processes of this cgroup and its children, below the root of the hierarchy; empty for all of the machine.</summary>
    public string EarlyRejectCgroup { get; init; } = "";

    /// <summary>How the rows of the verdict matrix are held; null for the form that suits their size. Verdicts do not depend on it.</summary>
    public RowForm? Rows { get; init; }

    /// <summary>Events a CPU may send each second.</summary>
    public int EventsPerSecond { get; init; } = 1000;

    /// <summary>Resets that a CPU may answer denied TCP connections with each second; 0 lets them time out.</summary>
    public int ResetsPerSecond { get; init; }

    /// <summary>Where event times come from.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
