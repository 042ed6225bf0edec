using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

public sealed class ProtocolPortTests
{
    /// <summary>The valid vectors of specification b.10, and what they mean.</summary>
    [Theory]
    [InlineData("any", -1, "")]
    [InlineData("ANY", -1, "")]
    [InlineData("tcp/0", 6, "0-0")]
    [InlineData("TCP/65535", 6, "65535-65535")]
    [InlineData("tcp/80:100", 6, "80-100")]
    [InlineData("udp/1:65535", 17, "1-65535")]
    [InlineData("icmp", 1, "")]
    [InlineData("icmp/8", 1, "2048-2303")]
    [InlineData("icmp/8/0", 1, "2048-2048")]
    [InlineData("icmp/3/0,1,4:6", 1, "768-768 769-769 772-774")]
    [InlineData("icmp6/133/0", 58, "34048-34048")]
    [InlineData("ipv6-icmp/128/0", 58, "32768-32768")]
    [InlineData("vrrp", 112, "")]
    [InlineData("SCTP", 132, "")]
    public void A_valid_entry_means_its_protocol_and_keys(string entry, int protocol, string ranges) => AssertMeans(entry, protocol, ranges);

    /// <summary>What the product's table could never match, and lenient number forms (b.6).</summary>
    [Theory]
    [InlineData("icmp6", 58, "")]
    [InlineData("ipv6-icmp", 58, "")]
    [InlineData("IPv6", 41, "")]
    [InlineData("IPv6-Route", 43, "")]
    [InlineData("IPv6-Frag", 44, "")]
    [InlineData("IPV6-NoNxt", 59, "")]
    [InlineData("IPV6-Opts", 60, "")]
    [InlineData("Sprite-RPC", 90, "")]
    [InlineData("A/N", 107, "")]
    [InlineData("3pc", 34, "")]
    [InlineData("tp++", 39, "")]
    [InlineData("ospf", 89, "")]
    [InlineData("rsvp-e2e-ignore", 134, "")]
    [InlineData("isis", 124, "")]
    [InlineData("ipip", 94, "")]
    [InlineData("gre", 47, "")]
    [InlineData("esp", 50, "")]
    [InlineData("ah", 51, "")]
    [InlineData("pim", 103, "")]
    [InlineData("l2tp", 115, "")]
    [InlineData("udplite", 136, "")]
    [InlineData("rohc", 142, "")]
    [InlineData("hopopt", 0, "")]
    [InlineData("tcp/0080", 6, "80-80")]
    [InlineData("tcp/+80", 6, "80-80")]
    [InlineData("icmp/0", 1, "0-255")]
    [InlineData("icmp/255/255", 1, "65535-65535")]
    [InlineData("tcp/0:65535", 6, "0-65535")]
    public void An_entry_that_the_product_spelled_oddly_means_the_same(string entry, int protocol, string ranges) =>
        AssertMeans(entry, protocol, ranges);

    [Theory]
    [InlineData("tcp")]
    [InlineData("udp")]
    [InlineData("tcp/")]
    [InlineData("tcp/80-90")]
    [InlineData("tcp/80,81")]
    [InlineData("tcp/90:80")]
    [InlineData("tcp/80:80")]
    [InlineData("tcp/65536")]
    [InlineData("tcp/-1")]
    [InlineData("tcp/a")]
    [InlineData("sctp/80")]
    [InlineData("6")]
    [InlineData("6/80")]
    [InlineData("icmp/256")]
    [InlineData("icmp/8/")]
    [InlineData("icmp/3/5:4")]
    [InlineData("foo")]
    [InlineData("icmp/")]
    [InlineData("icmp/3,4")]
    [InlineData("icmp/3/256")]
    [InlineData("icmp/3/4:4")]
    [InlineData("icmp/3/0/0")]
    [InlineData("icmp/3:4")]
    [InlineData("89")]
    [InlineData("tcp/80:")]
    [InlineData("tcp/:80")]
    [InlineData("tcp/1:2:3")]
    [InlineData("tcp/1:65536")]
    [InlineData("tcp/99999999999999999999")]
    [InlineData("tcp/80/81")]
    [InlineData(" tcp/80")]
    [InlineData("tcp/80 ")]
    [InlineData("any/80")]
    [InlineData("foo/80")]
    [InlineData("/80")]
    [InlineData("")]
    public void A_malformed_entry_is_refused(string entry) =>
        Assert.Equal([PolicyDiagnostics.BadPort.Id], Read.Ports(entry).Diagnostics.Select(static d => d.Code));

    [Theory]
    [InlineData("any", "tcp/80")]
    [InlineData("tcp/80", "ANY")]
    public void Any_stands_alone(string first, string second) =>
        Assert.Equal([PolicyDiagnostics.AnyNotAlone.Id], Read.Ports(first, second).Diagnostics.Select(static d => d.Code));

    [Fact]
    public void Entries_that_differ_only_in_case_are_one() =>
        Assert.Equal([PolicyDiagnostics.PortTwice.Id], Read.Ports("tcp/80", "TCP/80").Diagnostics.Select(static d => d.Code));

    [Fact]
    public void No_entry_at_all_means_any() => Assert.Empty(Read.Clean(Read.Ports()).Rulesets[0].IncomingRules[0].ProtocolPorts);

    [Fact]
    public void Every_protocol_name_reads_back_to_its_number()
    {
        Assert.True(ProtocolNames.All.Count() >= 140, "the registry has about 140 names");
        foreach (string name in ProtocolNames.All)
        {
            Assert.True(ProtocolNames.TryGetNumber(name, out int number));
            Assert.True(ProtocolNames.TryGetNumber(ProtocolNames.NameOf(number), out int again));
            Assert.Equal(number, again);
        }
    }

    [Fact]
    public void A_number_without_a_name_is_named_by_itself()
    {
        Assert.Equal("61", ProtocolNames.NameOf(61));
        Assert.Equal("253", ProtocolNames.NameOf(253));
    }

    private static void AssertMeans(string entry, int protocol, string ranges)
    {
        ProtocolPort port = Read.Clean(Read.Ports(entry)).Rulesets[0].IncomingRules[0].ProtocolPorts.Single();
        Assert.Equal(entry.ToLowerInvariant(), port.Text);
        Assert.Equal(protocol, port.Protocol);
        Assert.Equal(ranges, string.Join(' ', port.Ranges.Select(static range => $"{range.First}-{range.Last}")));
    }
}
