using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

/// <summary>connect(2) of processes in a cgroup of our own, in the namespace of the lab and in another.</summary>
public sealed class EarlyRefusalTests : IDisposable
{
    private const string Friend = "10.9.1.1";
    private const string Friend6 = "2001:db8:9::1";
    private const string Stranger = "10.8.1.1";
    private const string Stranger6 = "2001:db8:8::1";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);

    private readonly LabCgroup _cgroup = LabCgroup.Create();
    private readonly ProgramLab _lab;
    private readonly LabHost _host;

    public EarlyRefusalTests()
    {
        _lab = new ProgramLab(options => options with { EarlyReject = true, EarlyRejectCgroup = _cgroup.Path });
        _host = new LabHost("host", _lab.Name).InCgroup(_cgroup.Directory);
        Ip("link", "set", "lo", "up");
        Ip("link", "set", "up0p", "up");
        Ip("address", "add", "10.0.0.1/8", "dev", "up0");
        Ip("-6", "address", "add", "2001:db8::1/32", "dev", "up0", "nodad");
        Ip("neighbour", "add", Friend, "lladdr", "02:00:00:00:00:09", "dev", "up0");
    }

    public void Dispose()
    {
        _lab.Dispose();
        _cgroup.Dispose();
    }

    [KernelTheory]
    [InlineData(Friend, 443, false)]
    [InlineData(Friend6, 443, false)]
    [InlineData(Friend, 444, true)]
    [InlineData(Friend6, 444, true)]
    [InlineData(Stranger, 443, true)]
    [InlineData(Stranger6, 443, true)]
    [InlineData("::ffff:10.8.1.1", 443, true)]
    [InlineData("::ffff:10.9.1.1", 443, false)]
    // The host itself, whatever the rules say.
    [InlineData("10.0.0.1", 444, false)]
    [InlineData("2001:db8::1", 444, false)]
    [InlineData("127.0.0.1", 444, false)]
    [InlineData("::1", 444, false)]
    [InlineData("0.0.0.0", 444, false)]
    public void A_connection_is_refused_at_once_where_its_SYN_would_be_dropped(string address, int port, bool isRefused)
    {
        ApplyReport report = _lab.Apply(Policies.Friends);
        Assert.Empty(report.Warnings);
        Assert.Equal(isRefused, IsRefused(_host, address, port));
    }

    [KernelFact]
    public void What_is_refused_is_counted_and_reported_with_who_did_it()
    {
        _lab.Apply(Policies.Friends);
        _lab.TakeEvents();
        Assert.True(IsRefused(_host, Stranger, 443));
        FlowEvent refused = Assert.Single(_lab.TakeEvents(), one => one.Hook == "cgroup-connect");
        Assert.Equal((Verdict.Reject, DropReason.Policy, Direction.Outgoing), (refused.Verdict, refused.Reason, refused.Direction));
        Assert.Equal("Default default", _lab.RuleName(refused.RuleIndex));
        Assert.Equal((IPAddress.Parse(Stranger), (ushort)443, LocalUnit.HostNumber), (refused.Destination, refused.DestinationKey, refused.Unit));
        FlowProcess process = Assert.IsType<FlowProcess>(refused.Process);
        Assert.Equal((Environment.ProcessId, 0u, _cgroup.Path), (process.Id, process.UserId, process.Cgroup));
        Assert.StartsWith("netns dpk", process.Command, StringComparison.Ordinal);
        Assert.Equal(1, _lab.Backend.ReadCounters().Rules[refused.RuleIndex].Packets);
        Assert.Equal(1, _lab.Backend.ReadCounters().Drops[DropReason.Policy].Packets);
    }

    [KernelFact]
    public void The_SYN_of_an_allowed_connection_names_who_sent_it()
    {
        _lab.Apply(Policies.Friends);
        _lab.TakeEvents();
        Assert.False(IsRefused(_host, Friend, 443));
        FlowEvent opened = Assert.Single(_lab.TakeEvents(), one => one.Hook == "tc-egress" && one.DestinationKey == 443);
        Assert.Equal(Verdict.Allow, opened.Verdict);
        Assert.Equal((Environment.ProcessId, _cgroup.Path), (opened.Process?.Id, opened.Process?.Cgroup));
    }

    [KernelFact]
    public void The_first_datagram_of_a_connected_socket_names_who_sent_it()
    {
        _lab.Apply(Policies.Friends);
        _lab.TakeEvents();
        _host.Run(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(Friend, 123);
            return socket.Send(new byte[1]);
        });
        FlowEvent opened = Assert.Single(_lab.TakeEvents(), one => one.Hook == "tc-egress" && one.DestinationKey == 123);
        Assert.Equal((Verdict.Allow, Environment.ProcessId, _cgroup.Path), (opened.Verdict, opened.Process?.Id, opened.Process?.Cgroup));
    }

    [KernelFact]
    public void Datagrams_are_not_refused_because_they_may_be_answers()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(_host.Run(() => IsRefusedHere(Stranger, 443, SocketType.Dgram, ProtocolType.Udp)));
    }

    [KernelFact]
    public void A_process_in_another_namespace_is_left_alone()
    {
        _lab.Apply(Policies.Friends);
        string other = _lab.Name + "-o";
        CommandRunner.Run("ip", ["netns", "add", other]);
        try
        {
            Assert.False(IsRefused(new LabHost("other", other).InCgroup(_cgroup.Directory), Stranger, 443));
            Assert.True(IsRefused(_host, Stranger, 443));
        }
        finally
        {
            CommandRunner.Run("ip", ["netns", "delete", other]);
        }
    }

    [KernelFact]
    public void A_unit_that_is_a_cgroup_is_refused_by_its_own_rules()
    {
        LabCgroup unit = _cgroup.Child("unit");
        _lab.Apply(Policies.Friends + Unit(unit.Path));
        LabHost service = new LabHost("service", _lab.Name).InCgroup(unit.Directory);
        Assert.Equal((false, true), (IsRefused(service, Stranger, 99), IsRefused(_host, Stranger, 99)));
        Assert.Equal((true, false), (IsRefused(service, Friend, 443), IsRefused(_host, Friend, 443)));
    }

    [KernelFact]
    public void While_enforcement_is_paused_nothing_is_refused()
    {
        _lab.Apply(Policies.Friends);
        _lab.Run(() =>
        {
            _lab.Backend.Pause(TimeSpan.FromHours(1));
            return 0;
        });
        Assert.False(IsRefused(_host, Stranger, 443));
        Assert.True(_lab.Run(_lab.Backend.Resume));
        Assert.True(IsRefused(_host, Stranger, 443));
    }

    [KernelTheory]
    [InlineData("iptables-nft", "OUTPUT")]
    [InlineData("iptables-legacy", "OUTPUT")]
    [InlineData("ip6tables-legacy", "OUTPUT")]
    public void While_outgoing_addresses_are_translated_nothing_is_refused_and_said_so(string program, string chain)
    {
        string address = program.StartsWith("ip6", StringComparison.Ordinal) ? Friend6 : Friend;
        InNamespace(program, "-t", "nat", "-A", chain, "-d", address, "-j", "DNAT", "--to-destination", address);
        ApplyReport report = _lab.Apply(Policies.Friends);
        Assert.Contains("may translate what the host connects to", Assert.Single(report.Warnings), StringComparison.Ordinal);
        Assert.False(IsRefused(_host, Stranger, 443));

        InNamespace(program, "-t", "nat", "-F", chain);
        Until(() => IsRefused(_host, Stranger, 443), "nothing is refused although nothing is translated any more");
        InNamespace(program, "-t", "nat", "-A", chain, "-d", address, "-j", "DNAT", "--to-destination", address);
        Until(() => !IsRefused(_host, Stranger, 443), "something is refused although addresses are translated");
    }

    [KernelFact]
    public void Translation_of_what_comes_in_changes_nothing()
    {
        InNamespace("iptables-nft", "-t", "nat", "-A", "PREROUTING", "-d", Friend, "-j", "DNAT", "--to-destination", Friend);
        InNamespace("iptables-legacy", "-t", "nat", "-A", "PREROUTING", "-d", Friend, "-j", "DNAT", "--to-destination", Friend);
        Assert.Empty(_lab.Apply(Policies.Friends).Warnings);
        Assert.True(IsRefused(_host, Stranger, 443));
    }

    [KernelFact]
    public void Where_an_interface_is_excluded_nobody_knows_and_nothing_is_refused()
    {
        ApplyReport report = _lab.Apply(Policies.Friends + Policies.HandsOffWeb);
        Assert.Contains("interface web0 is excluded", Assert.Single(report.Warnings), StringComparison.Ordinal);
        Assert.False(IsRefused(_host, Stranger, 443));
    }

    [KernelFact]
    public void A_refusal_outlives_the_agent_and_is_taken_over_and_removed()
    {
        _lab.Apply(Policies.Friends);
        ImmutableArray<uint> before = Links();
        Assert.Equal(2, before.Length);
        _lab.Kill();
        Assert.True(IsRefused(_host, Stranger, 443));
        _lab.Restart();
        _lab.Apply(Policies.Friends);
        Assert.Equal(before, Links());
        Assert.True(IsRefused(_host, Stranger, 443));
        RemovalReport removal = _lab.Run(() => _lab.Backend.Remove(dryRun: false));
        Assert.Empty(removal.Remaining);
        Assert.Equal(2, removal.Removed.Count(line => line.EndsWith($"on cgroup {_cgroup.Id}", StringComparison.Ordinal)));
        Assert.False(IsRefused(_host, Stranger, 443));
    }

    private ImmutableArray<uint> Links() => [.. KernelObjects.Links().Where(link => link.CgroupId == _cgroup.Id).Select(link => link.Id).Order()];

    private static bool IsRefused(LabHost host, string address, int port) => host.Run(() => IsRefusedHere(address, port, SocketType.Stream, ProtocolType.Tcp));

    private static bool IsRefusedHere(string address, int port, SocketType type, ProtocolType protocol)
    {
        IPAddress to = IPAddress.Parse(address);
        using var socket = new Socket(to.AddressFamily, type, protocol) { Blocking = false };
        if (to.AddressFamily == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = true;
        }

        try
        {
            socket.Connect(new IPEndPoint(to, port));
            return false;
        }
        catch (SocketException refusal)
        {
            return refusal.SocketErrorCode == SocketError.AccessDenied;
        }
    }

    private void Until(Func<bool> condition, string otherwise)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, otherwise);
            using var timer = new ManualResetEventSlim();
            timer.Wait(BetweenLooks, TestContext.Current.CancellationToken);
            // As the agent's loop does, again and again.
            _lab.TakeEvents();
        }
    }

    private void Ip(params string[] arguments) => CommandRunner.Run("ip", ["-n", _lab.Name, .. arguments]);

    private void InNamespace(params string[] command) => CommandRunner.Run("nsenter", [$"--net=/run/netns/{_lab.Name}", .. command]);

    private static string Unit(string path) => $$"""

          processingunit:
            - { name: svc, namespace: /t, associatedTags: ["app=svc"], attach: { cgroup: "{{path}}" } }
          networkrulesetpolicy:
            - name: svc
              namespace: /t
              subject: [["app=svc"]]
              outgoingRules:
                - { action: Allow, object: [["externalnetwork:name=everyone"]], protocolPorts: [tcp/99] }
                - { action: Reject, object: [["externalnetwork:name=friends"]], protocolPorts: [tcp/443] }
          externalnetwork:
            - { name: everyone, namespace: /t, associatedTags: ["externalnetwork:name=everyone"], entries: [10.8.0.0/16] }
        """;
}
