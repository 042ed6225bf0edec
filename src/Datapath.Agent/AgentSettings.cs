using Datapath.Agent.Hosting;
using Datapath.Agent.Metrics;
using Datapath.Agent.Service;
using Datapath.Agent.Sinks;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Iptables;
using Datapath.Policy.Options;

namespace Datapath.Agent;

/// <summary>What an agent was told on its command line and by its environment.</summary>
/// <param name="Instance">Which agent it is.</param>
/// <param name="PolicyDirectory">Where its policy stands.</param>
/// <param name="SocketPath">Where it listens.</param>
/// <param name="StateDirectory">Where it keeps what must outlive a restart.</param>
/// <param name="EnableEbpf">Whether eBPF is asked for.</param>
/// <param name="TcHook">How it attaches to interfaces.</param>
/// <param name="FlowLimits">How many flows the kernel remembers.</param>
/// <param name="Options">What decides the meaning of the policy besides its files.</param>
internal sealed record AgentSettings(
    InstanceName Instance,
    string PolicyDirectory,
    string SocketPath,
    string StateDirectory,
    bool EnableEbpf,
    TcHookChoice TcHook,
    FlowLimits FlowLimits,
    PolicyOptions Options
)
{
    /// <summary>Rules that have metrics of their own, unless told otherwise: two thousand series at most.</summary>
    public const int DefaultMetricsPerRule = 1000;

    /// <summary>Kernel memory for the images of policies, in MiB.</summary>
    public int EbpfImageMebibytes { get; init; } = EbpfOptions.DefaultArenaMebibytes;

    /// <summary>Kernel memory for what programs remember of packets, in MiB.</summary>
    public int EbpfDigestMebibytes { get; init; } = EbpfOptions.DefaultDigestMebibytes;

    /// <summary>Bits of the packet mark that iptables rules use.</summary>
    public uint PacketMarkMask { get; init; } = IptablesOptions.DefaultPacketMarkMask;

    /// <summary>Bits of the connection mark that they use.</summary>
    public uint ConnectionMarkBits { get; init; } = IptablesOptions.DefaultConnectionMarkBits;

    /// <summary>Whether eBPF drops packets at XDP.</summary>
    public XdpChoice Xdp { get; init; }

    /// <summary>Whether eBPF refuses TCP connections of local programs at once.</summary>
    public bool EarlyReject { get; init; } = true;

    /// <summary>What a line of the log looks like.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>Reads the configuration again. One thread at a time.</summary>
    public required Func<RereadSettings> Reread { get; init; }

    /// <summary>What keeps eBPF from being used although it is asked for, one sentence; null when nothing is known to.</summary>
    public string? EbpfLack { get; init; }

    /// <summary>Whether denied incoming TCP connections are answered with a reset.</summary>
    public bool RejectsWithReset { get; init; }

    /// <summary>Where metrics can be read besides the socket.</summary>
    public MetricsListenAddress MetricsListen { get; init; } = MetricsListenAddress.Default;

    /// <summary>Rules that have metrics of their own; 0 for none.</summary>
    public int MetricsPerRule { get; init; } = DefaultMetricsPerRule;

    /// <summary>What becomes of flow events.</summary>
    public FlowSettings Flows { get; init; } = new();
}

/// <summary>How many flows of each address family the kernel remembers.</summary>
/// <param name="Tcp">TCP connections whose handshake is over.</param>
/// <param name="Other">Answered flows of other protocols.</param>
/// <param name="New">Of TCP and of other protocols, those that were not answered yet.</param>
internal readonly record struct FlowLimits(int Tcp, int Other, int New);
