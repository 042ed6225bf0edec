using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Agent.Loops;
using Datapath.Agent.Service;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Iptables;
using Datapath.Backends.Selection;

namespace Datapath.Agent;

/// <summary>What the agent is given from outside: the kernel, the clock, the environment. Made in one place, replaced as a whole by tests.</summary>
/// <param name="OpenEbpf">The eBPF backend, set up as told; touches nothing yet. Throws a <see cref="BackendException"/> where it cannot be.</param>
/// <param name="FindInstances">The instances that have pins on this machine, or programs, chains or sets in this network namespace, in ordinal order.</param>
/// <param name="Host">Interfaces and addresses.</param>
/// <param name="Survey">What the host has of what backends need; true: and who else is on it, which takes longer.</param>
/// <param name="RuntimeDirectory">Where the locks of all instances are: <see cref="InstanceName.RuntimeDirectory"/>, but for tests.</param>
/// <param name="Variables">Looks up a variable of the environment; null for one that is not set.</param>
/// <param name="Clock">The time.</param>
internal sealed record AgentParts(
    Func<EbpfOptions, IBackend> OpenEbpf,
    Func<ImmutableArray<InstanceName>> FindInstances,
    HostSource Host,
    Func<bool, HostSurvey> Survey,
    string RuntimeDirectory,
    Func<string, string?> Variables,
    TimeProvider Clock
)
{
    /// <summary>Calls this whenever the process is told to reload, until it is disposed.</summary>
    public Func<Action, IDisposable> OnHangup { get; init; } = Hangup;

    /// <summary>What an installation consists of, and what it is done with.</summary>
    public InstallParts Install { get; init; } = InstallParts.OfThisProcess;

    /// <summary>Where configuration files are.</summary>
    public string ConfigurationDirectory { get; init; } = InstanceName.ConfigurationDirectory;

    /// <summary>The iptables backend, set up as told; touches nothing yet.</summary>
    public required Func<IptablesOptions, IBackend> OpenIptables { get; init; }

    /// <summary>Why eBPF cannot be used here, one sentence; null when it can.</summary>
    public required Func<string?> FindEbpfObstacle { get; init; }

    /// <summary>Where the bpf file system is.</summary>
    public string BpfFileSystem { get; init; } = EbpfOptions.DefaultBpfFileSystem;

    private static PosixSignalRegistration Hangup(Action reload) =>
        PosixSignalRegistration.Create(
            PosixSignal.SIGHUP,
            signal =>
            {
                // Else the process would end as well.
                signal.Cancel = true;
                reload();
            }
        );
}
