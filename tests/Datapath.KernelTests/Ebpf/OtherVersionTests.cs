using System.Net;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>
/// An agent of another version was here, an older one or a newer one: it goes on judging until there is a policy of ours, and the flows that it
/// let open go on, wherever in an entry it had what.
/// </summary>
public sealed class OtherVersionTests : IDisposable
{
    private const ushort Client = 40000;
    private const ushort Stranger = 40001;

    // Of struct dp_flow_key4 and struct dp_flow in tests/bpf/other_layout.bpf.c.
    private const int OtherKeyBytes = 16;
    private const int OtherFlowBytes = 24;

    // Neither conntrack nor a socket knows crafted packets, and answers in doubt pass: what passes, passes by what was taken over.
    private readonly ProgramLab _lab = new(options => options with { DoubtTime = TimeSpan.FromMinutes(2) });

    private string PinPath => $"{EbpfOptions.DefaultBpfFileSystem}/datapath/{_lab.Name}";

    [KernelTheory]
    [InlineData(1)]
    [InlineData(99)]
    public void Its_programs_are_replaced_through_their_links(uint version)
    {
        _lab.Apply(Policies.NothingIncoming);
        _lab.Kill();
        string? layout = Directory.GetDirectories(PinPath).Select(Path.GetFileName).Single();
        BecomeVersion(version);
        Assert.Equal(0u, _lab.Restart());
        // They judge by their own policy until there is one of ours.
        Assert.False(Passes(Client, Syn));
        _lab.Apply(Policies.Friends);
        Assert.True(Passes(Client, Syn));
        Assert.Equal([layout], Directory.GetDirectories(PinPath).Select(Path.GetFileName));
    }

    [KernelFact]
    public void What_is_refused_of_our_first_policy_ends_nothing()
    {
        _lab.Apply(Policies.NothingIncoming);
        _lab.Kill();
        BecomeVersion(1);
        Assert.Equal(0u, _lab.Restart());
        var wrong = new Canary(LocalUnit.HostNumber, Direction.Incoming, AddressKey.From(IPAddress.Parse("10.9.1.1")), PortTable.Tcp, 80, Verdict.Reject, RuleIndex: 0);
        Assert.Throws<CanaryException>(() => _lab.Apply(Policies.Friends, new ApplyOptions { Canaries = [wrong] }));
        // Passes() asks the program at the hook: without one it would throw.
        Assert.False(Passes(Client, Syn));
        Assert.Equal(["v1"], Directory.GetDirectories(PinPath).Select(Path.GetFileName));
        _lab.Apply(Policies.Friends);
        Assert.True(Passes(Client, Syn));
    }

    [KernelFact]
    public void What_was_prepared_for_a_policy_that_never_came_ends_nothing()
    {
        _lab.Apply(Policies.NothingIncoming);
        _lab.Kill();
        BecomeVersion(1);
        Assert.Equal(0u, _lab.Restart());
        _lab.Run(() =>
        {
            _lab.Backend.Prepare();
            return true;
        });
        _lab.Kill();
        Assert.False(Passes(Client, Syn));
        Assert.Equal(["v1"], Directory.GetDirectories(PinPath).Select(Path.GetFileName));
    }

    [KernelTheory]
    [InlineData(1, false)]
    [InlineData(99, false)]
    [InlineData(1, true)]
    [InlineData(99, true)]
    public void Its_flows_go_on_and_no_other_does(uint version, bool isOtherLayout)
    {
        _lab.Apply(Policies.Friends);
        Open(Client);
        _lab.Kill();
        BecomeVersion(version);
        if (isOtherLayout)
        {
            BecomeOtherLayout(version);
        }

        Assert.Equal(0u, _lab.Restart());
        Assert.True(PassesOut(Client, Ack));
        OlderFlowsReport? report = _lab.Apply(Policies.Friends).OlderFlows;
        Assert.Equal((1, []), (report?.TakenOver, report?.Problems));
        Assert.True(PassesOut(Client, Ack));
        Assert.False(PassesOut(Stranger, Ack));
        // Who judged before knew all of them: nobody is believed without proof.
        Assert.False(_lab.Passes("up0", ingress: false, Ethernet(IPv4("10.0.0.1", "10.9.1.1", Udp, UdpHeader(53, Client)))));
    }

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flow_whose_rule_is_gone_is_cut(bool isOtherLayout)
    {
        _lab.Apply(Policies.Friends);
        Open(Client);
        _lab.Kill();
        BecomeVersion(1);
        if (isOtherLayout)
        {
            BecomeOtherLayout(1);
        }

        Assert.Equal(0u, _lab.Restart());
        Assert.Equal(1, _lab.Apply(Policies.NothingIncoming).OlderFlows?.TakenOver);
        Assert.False(PassesOut(Client, Ack));
        Assert.False(Passes(Client, Ack));
    }

    public void Dispose() => _lab.Dispose();

    private void Open(ushort port)
    {
        Assert.True(Passes(port, Syn));
        Assert.True(PassesOut(port, Syn | Ack));
        Assert.True(Passes(port, Ack));
    }

    private bool Passes(ushort port, byte flags) =>
        _lab.Passes("up0", ingress: true, Ethernet(IPv4("10.9.1.1", "10.0.0.1", Tcp, TcpHeader(port, 80, flags))));

    private bool PassesOut(ushort port, byte flags) =>
        _lab.Passes("up0", ingress: false, Ethernet(IPv4("10.0.0.1", "10.9.1.1", Tcp, TcpHeader(80, port, flags))));

    /// <summary>As if an agent of another version had made all of it.</summary>
    private void BecomeVersion(uint version)
    {
        using BpfMap control = BpfMap.OpenPinned(_lab.PinOf("dp_control"));
        var value = new byte[control.ValueBytes];
        Assert.True(control.TryLookup(new byte[sizeof(uint)], value));
        BitConverter.TryWriteBytes(value.AsSpan(sizeof(uint)), version);
        control.Update(new byte[sizeof(uint)], value);
        Directory.Move(Directory.GetDirectories(PinPath, "v*").Single(), Path.Combine(PinPath, $"v{version}"));
    }

    /// <summary>The pinned tables are those of tests/bpf/other_layout.bpf.c, with the same entries.</summary>
    private void BecomeOtherLayout(uint version)
    {
        using BpfObject other = BpfObject.Open(TestObject.Bytes("other_layout.bpf.o"), "dp_other");
        string[] tables = ["dp_live_tcp4", "dp_new_tcp4"];
        var entries = new List<(string Table, byte[] Key, byte[] Value)>();
        foreach (string table in tables)
        {
            using BpfMap old = BpfMap.OpenPinned(_lab.PinOf(table));
            old.ForEach((key, value) => entries.Add((table, OtherKey(key), OtherFlow(value))));
            string pin = Path.Combine(PinPath, $"v{version}", "maps", table);
            BpfFs.Unpin(pin);
            other.SetPinPath(table, pin);
        }

        other.Load();
        Assert.NotEmpty(entries);
        foreach ((string table, byte[] key, byte[] value) in entries)
        {
            using BpfMap map = BpfMap.OpenPinned(_lab.PinOf(table));
            map.Update(key, value);
        }
    }

    /// <summary>Addresses, ports, zone and protocol; the other way round.</summary>
    private static byte[] OtherKey(ReadOnlySpan<byte> key)
    {
        var other = new byte[OtherKeyBytes];
        other[0] = key[14];
        key[12..14].CopyTo(other.AsSpan(2));
        key[8..12].CopyTo(other.AsSpan(4));
        key[..8].CopyTo(other.AsSpan(8));
        return other;
    }

    private static byte[] OtherFlow(ReadOnlySpan<byte> flow)
    {
        var other = new byte[OtherFlowBytes];
        (other[0], other[1], other[2], other[3]) = (flow[28], flow[27], flow[26], flow[29]);
        flow[24..26].CopyTo(other.AsSpan(4));
        other.AsSpan(6, 2).Fill(0xff);
        flow[12..16].CopyTo(other.AsSpan(8));
        flow[8..12].CopyTo(other.AsSpan(12));
        flow[..8].CopyTo(other.AsSpan(16));
        return other;
    }
}
