using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Interop.Processes;
using Datapath.Lab.Networks;
using Datapath.Lab.Probes;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.KernelTests.Host;

/// <summary>Hosts in namespaces of their own, one of which the shipped backend protects; real sockets talk. Everything goes when it is disposed.</summary>
internal sealed class HostLab : IAsyncDisposable
{
    // A SYN is repeated after a second: shorter, so that an attempt is one packet. An answer may take longer on a busy machine.
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan PatienceForAnswer = TimeSpan.FromSeconds(20);

    private static int _count;

    private readonly LabNetwork _network = new(
        string.Create(CultureInfo.InvariantCulture, $"dph-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}")
    );

    private readonly EbpfBackend _backend;

    private HostLab() =>
        _backend = new EbpfBackend(new EbpfOptions { Instance = _network.Prefix, MaxTcpFlows = 1024, MaxOtherFlows = 1024, MaxRules = 1024, ArenaBytes = 8 << 20 });

    /// <summary>The host that is protected.</summary>
    public LabHost Host { get; private set; } = null!;

    /// <summary>The ruleset behind each rule number of the policy that is enforced.</summary>
    public IReadOnlyDictionary<int, string> RuleNames { get; private set; } = new Dictionary<int, string>();

    /// <summary>Exact totals of the kernel.</summary>
    public BackendCounters Counters => _backend.ReadCounters();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Makes the protected host, without any link.</summary>
    public static async Task<HostLab> CreateAsync()
    {
        var lab = new HostLab();
        try
        {
            lab.Host = await lab.AddHostAsync("host");
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes another host.</summary>
    public Task<LabHost> AddHostAsync(string name) => _network.AddHostAsync(name, Token);

    /// <summary>Runs <c>ip</c> in the namespace of a host; it must succeed.</summary>
    public static void Ip(LabHost host, string arguments) => CommandRunner.Run("ip", ["-n", host.NamespaceName, .. arguments.Split(' ')]);

    /// <summary>Makes a device, or skips the test where the kernel has no such devices.</summary>
    public static void AddDevice(LabHost host, string arguments)
    {
        try
        {
            Ip(host, $"link add {arguments}");
        }
        catch (CommandException refusal) when (refusal.Message.Contains("Unknown device type", StringComparison.Ordinal))
        {
            Assert.Skip($"this kernel has no devices of type {arguments.Split("type ")[1].Split(' ')[0]}");
        }
    }

    /// <summary>Gives addresses to an interface of a host.</summary>
    public static void Address(LabHost host, string interfaceName, params string[] addresses)
    {
        foreach (string address in addresses)
        {
            string more = address.Contains(':', StringComparison.Ordinal) ? " nodad" : "";
            Ip(host, $"address add {address} dev {interfaceName}{more}");
        }

        Ip(host, $"link set {interfaceName} up");
    }

    /// <summary>Protects the host as it is now.</summary>
    /// <param name="yaml">A policy file.</param>
    public ApplyReport Apply(string yaml) =>
        Host.Run(() =>
        {
            HostSnapshot snapshot = HostObserver.Read();
            PolicyReading reading = PolicyReader.Read("policy.yaml", yaml);
            Assert.Empty(reading.Diagnostics);
            PolicyResolution resolution = PolicyResolver.Resolve(reading.Policy, new HostInventory("host", snapshot.Addresses, []), new PolicyOptions());
            Assert.Empty(resolution.Diagnostics);
            CompiledPolicy policy = Assert.IsType<CompiledPolicy>(PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty).Policy);
            RuleNames = policy.Rules.ToDictionary(rule => rule.Index, rule => rule.Rule.Ruleset);
            return _backend.Apply(policy, snapshot);
        });

    /// <summary>Whether a TCP connection is answered by a server behind that very port.</summary>
    /// <param name="from">Who opens it.</param>
    /// <param name="source">The address that it uses.</param>
    /// <param name="to">Who serves.</param>
    /// <param name="destination">Where.</param>
    /// <param name="port">The port.</param>
    /// <param name="isExpected">How long an answer is waited for depends on whether one is expected.</param>
    public async Task<bool> ConnectsAsync(LabHost from, string source, LabHost to, string destination, ushort port, bool isExpected)
    {
        await using EchoServer server = EchoServer.StartTcp(to, IPAddress.Parse(destination), port);
        TimeSpan patience = isExpected ? PatienceForAnswer : PatienceForNothing;
        var probe = new TcpProbe(from, IPAddress.Parse(source), IPAddress.Parse(destination), port, patience);
        return (await probe.RunAsync(Token)).Outcome == ProbeOutcome.Answered;
    }

    /// <summary>Sends one datagram, and nothing else.</summary>
    public static void SendDatagram(LabHost from, string source, string destination, int port) =>
        from.Run(() =>
        {
            var address = IPAddress.Parse(source);
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, port: 0));
            return socket.SendTo(new byte[4], new IPEndPoint(IPAddress.Parse(destination), port));
        });

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await using LabNetwork network = _network;
        Host?.Run(() => _backend.Remove(dryRun: false));
        _backend.Dispose();
    }
}
