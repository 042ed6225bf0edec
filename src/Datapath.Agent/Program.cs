// The composition root: the only place that chooses what stands behind the seams.
using System.Collections.Immutable;
using Datapath.Agent;
using Datapath.Agent.Commands;
using Datapath.Agent.Loops;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Backends.Selection;

AgentParts parts = new(
    options => new EbpfBackend(options),
    FindInstances,
    new HostSource(HostObserver.Read, HostObserver.Watch),
    withNeighbours => withNeighbours ? HostSurvey.OfEverything(TimeProvider.System) : HostSurvey.OfRequirements(TimeProvider.System),
    InstanceName.RuntimeDirectory,
    Environment.GetEnvironmentVariable,
    TimeProvider.System
)
{
    OpenIptables = options => new IptablesBackend(options),
    FindEbpfObstacle = EbpfBackend.FindObstacle,
};
return await CommandLine.RunAsync(args, parts);

static ImmutableArray<InstanceName> FindInstances() =>
    [
        .. (EbpfBackend.FindObstacle() is null ? EbpfBackend.FindInstances() : [])
            .Union(IptablesBackend.FindInstances(), StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(InstanceName.Parse)
            .OfType<InstanceName>(),
    ];
