using System.Net;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>What iptables cannot say, as decision 0020 accepts it.</summary>
public sealed class LoweringLimitTests
{
    [Theory]
    // Allowed by the rules, and dropped: to the match type 255 is every type, so that its codes are not told apart, and of the other family's ICMP
    // it reads no type.
    [InlineData(IanaProtocol.Icmp, 0xff00, true, false)]
    [InlineData(IanaProtocol.Icmp, 0xff01, false, false)]
    [InlineData(IanaProtocol.IcmpV6, 0x8000, true, false)]
    [InlineData(IanaProtocol.Icmp, 0x0800, true, true)]
    [InlineData(IanaProtocol.Icmp, 0x0000, false, false)]
    public void ICMP_that_matches_have_no_word_for_gets_what_others_get(int protocol, ushort kind, bool isAllowed, bool passes)
    {
        CompiledPolicy policy = Compiled("icmp/255/0", "icmp/8", "icmp6/128");
        LoweredPolicy lowered = LoweringCase.Lower(policy, Host(master: 0));
        var walker = new ChainWalker(lowered.IPv4.Chains(lowered.Names, 1, ""), lowered.IPv4.Set(lowered.Names, 1), isIPv6: false);
        AddressKey peer = AddressKey.From(IPAddress.Parse("192.0.2.7"));
        PortTable table = protocol == IanaProtocol.Icmp ? PortTable.Icmp : PortTable.Icmp6;
        Judgement wanted = new CompiledPolicyReader(policy).Judge(LocalUnit.HostNumber, Direction.Incoming, peer, table, kind);
        Assert.Equal(isAllowed, wanted.Verdict == Verdict.Allow);
        WalkedJudgement said = Assert.Single(
            walker.Walk(lowered.IPv4.Anchors(1)[0].Chain, LoweringCase.Uplink, new WalkedPacket(peer, AddressKey.From(IPAddress.Parse("10.9.0.1")), protocol, kind), isLocal: true)
        );
        Assert.Equal(passes, said.Passes);
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(7, "interface web0 is a port of a bridge or bond, where iptables does not see its packets")]
    public void A_port_of_a_bridge_is_not_enforced(int master, string? reason)
    {
        UnitPlaces places = UnitPlaces.Of(Compiled("tcp/80"), Host(master));
        Assert.Equal(reason is null ? [] : [reason], places.NotEnforced.Select(one => one.Reason));
        Assert.Equal(reason is null, places.Pods.Length == 1);
    }

    [Fact]
    public void Anycast_addresses_are_the_hosts_in_IPv6_alone()
    {
        CompiledPolicy policy = Compiled("tcp/80");
        LoweredPolicy lowered = LoweringCase.Lower(policy, Host(master: 0));
        Assert.Equal([false, true], lowered.Families.Select(one => one.Chains(lowered.Names, 1, "").Contains("--dst-type LOCAL,ANYCAST ", StringComparison.Ordinal)));
    }

    private static HostSnapshot Host(int master) =>
        new([new HostInterface(2, LoweringCase.Uplink, false, 0, true), new HostInterface(3, "web0", IsLoopback: false, master, HasMacHeader: true)], [], []);

    private static CompiledPolicy Compiled(params string[] served)
    {
        return LoweringCase.CompileClosed(new WrittenPolicy
        {
            ProcessingUnits = [Written.Unit("web", "app=a", "10.78.0.2").On("web0")],
            ExternalNetworks = [Written.Network("office", "192.0.2.0/24")],
            Rulesets = [Written.Ruleset("host", "$type=Host") with { IncomingRules = [Written.Allow("externalnetwork:name=office", served)] }],
        });
    }
}
