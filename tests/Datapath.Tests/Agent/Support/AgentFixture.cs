using System.Collections.Immutable;
using System.Net;
using Datapath.Agent;
using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;
using Datapath.Agent.Loops;
using Datapath.Agent.Service;
using Datapath.Backends.Host;
using Datapath.Backends.Selection;
using Xunit;

namespace Datapath.Tests.Agent.Support;

/// <summary>A place for an agent: a directory of its own, a kernel that is a fake, and a host that tests change.</summary>
internal sealed class AgentFixture : IDisposable
{
    private Action? _hostChanged;
    private Action? _hangup;

    public AgentFixture()
    {
        Directory.CreateDirectory(PolicyDirectory);
        Host = Snapshot("192.0.2.1");
    }

    public FakeBackend Backend { get; } = new();

    /// <summary>The other backend, which has nothing to remove unless a test gives it something.</summary>
    public FakeBackend Iptables { get; } = new() { Name = "iptables" };

    /// <summary>Whether agents are asked for eBPF.</summary>
    public bool EnableEbpf { get; set; } = true;

    /// <summary>Where agents serve metrics besides the socket; tests that run at once would quarrel over one port.</summary>
    public string MetricsListen { get; set; } = "none";

    /// <summary>Why eBPF cannot be; null when it can.</summary>
    public string? EbpfObstacle { get; set; }

    public ShiftedClock Clock { get; } = new();

    public HostSnapshot Host { get; private set; }

    /// <summary>Called by each look at the host.</summary>
    public Action ReadingHost { get; set; } = () => { };

    /// <summary>Thrown by the next looks at the host.</summary>
    public Exception? HostRefusal { get; set; }

    /// <summary>What a look at the host finds: everything, unless a test says otherwise.</summary>
    public HostSurvey Survey { get; set; } = new("6.1.0-test", [], []);

    public Dictionary<string, string> Variables { get; } = new(StringComparer.Ordinal);

    public ImmutableArray<InstanceName> Instances { get; set; } = [InstanceName.Default];

    public string Root { get; } = Directory.CreateTempSubdirectory("dpt-").FullName;

    public string PolicyDirectory => Path.Combine(Root, "policy");

    public string SocketPath => Path.Combine(Root, "run", "agent.sock");

    public string StateDirectory => Path.Combine(Root, "state");

    public string BpfFileSystem => Path.Combine(Root, "bpf");

    public string LockDirectory => Path.Combine(Root, "locks");

    public AgentParts Parts =>
        new(
            _ => Backend,
            () => Instances,
            new HostSource(ReadHost, Watch),
            _ => Survey,
            LockDirectory,
            name => Variables.GetValueOrDefault(name),
            Clock
        )
        {
            OpenIptables = _ => Iptables,
            FindEbpfObstacle = () => EbpfObstacle,
            ConfigurationDirectory = ConfigurationDirectory,
            BpfFileSystem = BpfFileSystem,
            OnHangup = reload =>
            {
                _hangup = reload;
                return new EndWatch(() => _hangup = null);
            },
            Install = Install,
        };

    public string ConfigurationDirectory => Path.Combine(Root, "etc");

    /// <summary>What an installation is done with; its programs are not run unless a test says so.</summary>
    public InstallParts Install { get; set; } = new("/nowhere/datapath", IsSingleFile: false, HasSystemd: false, (_, _) => null);

    public string[] RunArguments => [.. RunArgumentsWithoutSocket, "--socket", SocketPath];

    public string[] RunArgumentsWithoutSocket =>
        ["run", .. EnableEbpf ? (IEnumerable<string>)["--enable-ebpf"] : [], "--policy", PolicyDirectory, "--state-dir", StateDirectory, "--metrics-listen", MetricsListen];

    public static HostSnapshot Snapshot(params string[] addresses) =>
        new(
            [new HostInterface(2, "eth0", IsLoopback: false, Master: 0, HasMacHeader: true)],
            [.. addresses.Select(IPAddress.Parse)],
            LocalNetworks: []
        );

    /// <summary>What SIGHUP does to a process of its own.</summary>
    public void Hangup() => _hangup?.Invoke();

    /// <summary>Writes the configuration file of the default instance.</summary>
    public string Configure(params string[] lines)
    {
        Directory.CreateDirectory(ConfigurationDirectory);
        string path = Path.Combine(ConfigurationDirectory, "datapath.conf");
        File.WriteAllLines(path, lines);
        return path;
    }

    private HostSnapshot ReadHost()
    {
        ReadingHost();
        return HostRefusal is { } refusal ? throw refusal : Host;
    }

    public void ChangeHost(HostSnapshot host)
    {
        Host = host;
        _hostChanged?.Invoke();
    }

    public string Write(string name, string text)
    {
        string path = Path.Combine(PolicyDirectory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Runs a command to its end.</summary>
    public async Task<CommandResult> CommandAsync(params string[] arguments)
    {
        StringWriter output = new();
        StringWriter error = new();
        // A `run` that should have been refused would go on for ever.
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(RunningAgent.Patience);
        int exit = await CommandLine.RunAsync(arguments, Parts, output, error, patience.Token);
        return new CommandResult(exit, output.ToString(), error.ToString());
    }

    /// <summary>Starts an agent and waits until it has an opinion on its policy.</summary>
    public async Task<RunningAgent> StartAsync(params string[] more)
    {
        RunningAgent agent = new(this, [.. RunArguments, .. more]);
        await agent.UntilAsync(status => status.Policy.State != PolicyState.Pending);
        return agent;
    }

    public async Task<StatusDocument?> StatusAsync() =>
        (await AgentClient.StatusAsync(SocketPath, TestContext.Current.CancellationToken)).Document;

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private EndWatch Watch(Action changed, Action<string> trouble)
    {
        _hostChanged = changed;
        return new EndWatch(() => _hostChanged = null);
    }

    private sealed class EndWatch(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

/// <summary>What a command said.</summary>
internal sealed record CommandResult(int Exit, string Output, string Error);
