using Datapath.Backends.Ebpf;
using Datapath.Policy.Options;

namespace Datapath.Agent;

/// <summary>What an agent was told on its command line and by its environment.</summary>
/// <param name="Instance">Which agent it is.</param>
/// <param name="PolicyDirectory">Where its policy stands.</param>
/// <param name="SocketPath">Where it listens.</param>
/// <param name="StateDirectory">Where it keeps what must outlive a restart.</param>
/// <param name="EnableEbpf">Whether eBPF is asked for.</param>
/// <param name="TcHook">How it attaches to interfaces.</param>
/// <param name="Options">What decides the meaning of the policy besides its files.</param>
internal sealed record AgentSettings(
    InstanceName Instance,
    string PolicyDirectory,
    string SocketPath,
    string StateDirectory,
    bool EnableEbpf,
    TcHookChoice TcHook,
    PolicyOptions Options
);
