using Datapath.Agent.Commands;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Iptables;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Hosting;

/// <summary>Which backend an agent enforces with: iptables, unless eBPF is asked for and can be.</summary>
internal static class BackendChoice
{
    /// <summary>Opens the backend; nothing is touched yet.</summary>
    /// <param name="settings">What the agent was told.</param>
    /// <param name="parts">Both backends.</param>
    /// <param name="log">Is told when it is not the one that was asked for.</param>
    public static IBackend Open(AgentSettings settings, AgentParts parts, ILogger log)
    {
        string? obstacle = parts.FindEbpfObstacle();
        string? lack = settings.EnableEbpf ? settings.EbpfLack ?? obstacle : null;
        if (lack is not null)
        {
            log.EbpfNotPossible(lack);
        }

        IBackend iptables = parts.OpenIptables(
            new IptablesOptions
            {
                Instance = settings.Instance.Text,
                LeaseKeeper = RollbackAtCommand.CommandLineFor(settings),
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
            MaxTcpFlows = settings.FlowLimits.Tcp,
            MaxOtherFlows = settings.FlowLimits.Other,
            MaxNewFlows = settings.FlowLimits.New,
        };
}
