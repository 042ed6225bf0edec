using Datapath.Agent.Commands;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Iptables;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Hosting;

/// <summary>Which backend an agent enforces with: iptables, unless eBPF is asked for and can be.</summary>
internal static class BackendChoice
{
    // Of each CPU: more than people notice, and less than a flood of SYNs would like.
    private const int ResetsPerSecond = 100;

    /// <summary>Opens the backend; nothing is touched yet.</summary>
    /// <param name="settings">What the agent was told.</param>
    /// <param name="parts">Both backends.</param>
    /// <param name="log">Is told when it is not the one that was asked for.</param>
    /// <param name="reason">Why it is this one, as <c>status</c> says it.</param>
    public static IBackend Open(AgentSettings settings, AgentParts parts, ILogger log, out string reason)
    {
        string? obstacle = parts.FindEbpfObstacle();
        string? lack = settings.EnableEbpf ? settings.EbpfLack ?? obstacle : null;
        if (lack is not null)
        {
            log.EbpfNotPossible(lack);
        }

        if (settings.RejectsWithReset && (!settings.EnableEbpf || lack is not null))
        {
            log.ResetsNotPossible();
        }

        reason =
            lack is not null ? $"eBPF was asked for and cannot be: {lack}"
            : settings.EnableEbpf ? "asked for by --enable-ebpf"
            : "the default; --enable-ebpf asks for eBPF";

        IBackend iptables = parts.OpenIptables(
            new IptablesOptions
            {
                Instance = settings.Instance.Text,
                LeaseKeeper = RollbackAtCommand.CommandLineFor(settings),
                KeepsAccounts = settings.Flows.KeepsAccounts,
                PacketMarkMask = settings.PacketMarkMask,
                ConnectionMarkBits = settings.ConnectionMarkBits,
                Time = parts.Clock,
            }
        );
        if (obstacle is not null)
        {
            // Where eBPF cannot be, it cannot have been since the machine started either.
            return iptables;
        }

        IBackend ebpf = parts.OpenEbpf(Options(settings));
        return settings.EnableEbpf && lack is null ? new SucceedingBackend(ebpf, iptables, log) : new SucceedingBackend(iptables, ebpf, log);
    }

    private static EbpfOptions Options(AgentSettings settings) =>
        new()
        {
            Instance = settings.Instance.Text,
            TcHook = settings.TcHook,
            EarlyReject = settings.EarlyReject,
            Xdp = settings.Xdp,
            ArenaBytes = (long)settings.EbpfImageMebibytes << 20,
            DigestBytes = (long)settings.EbpfDigestMebibytes << 20,
            MaxTcpFlows = settings.FlowLimits.Tcp,
            MaxOtherFlows = settings.FlowLimits.Other,
            MaxNewFlows = settings.FlowLimits.New,
            KeepsAccounts = settings.Flows.KeepsAccounts,
            ResetsPerSecond = settings.RejectsWithReset ? ResetsPerSecond : 0,
        };
}
