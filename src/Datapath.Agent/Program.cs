using System.Collections.Immutable;
using Datapath.Agent;
using Datapath.Agent.Commands;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Datapath.Backends.Host;

// The composition root: the only place that chooses what stands behind the seams.
AgentParts parts = new(OpenEbpf, FindInstances, new HostSource(ReadHost, WatchHost), Environment.GetEnvironmentVariable, TimeProvider.System);
return await CommandLine.RunAsync(args, parts, Console.Out, Console.Error, CancellationToken.None);

static IBackend OpenEbpf(InstanceName instance) =>
    throw new BackendException($"this build has no eBPF backend for instance '{instance}'");

static ImmutableArray<InstanceName> FindInstances() => throw new BackendException("this build has no eBPF backend");

static HostSnapshot ReadHost() => throw new BackendException("this build cannot read interfaces and addresses");

static IDisposable WatchHost(Action changed) => throw new BackendException("this build cannot watch interfaces and addresses");
