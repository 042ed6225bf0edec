using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Printing;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Policy.Printing;

public sealed class SpanTextTests
{
    private static readonly Dictionary<AddressKey, string> Owners = new() { [AddressKey.From(System.Net.IPAddress.Parse("10.0.0.1"))] = "web" };

    [Theory]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("10.0.0.1/32", "10.0.0.1 (web)")]
    [InlineData("10.0.0.0/9 10.128.0.0/9", "10.0.0.0/8")]
    [InlineData("10.0.0.1/32 10.0.0.2/31 10.0.0.4/30", "10.0.0.1-10.0.0.7")]
    [InlineData("0.0.0.0/0", "any IPv4")]
    [InlineData("0.0.0.0/0 ::/0", "any")]
    [InlineData("0.0.0.0/1 ::/0", "0.0.0.0/1 any IPv6")]
    [InlineData("0.0.0.0/1 192.0.0.0/2", "any IPv4 but 128.0.0.0/2")]
    public void Addresses_are_joined_and_said_in_few_words(string networks, string expected) =>
        Assert.Equal(expected, string.Join(' ', AddressSpanText.Of(networks.Split(' ').Select(text => AddressSpan.Of(Written.Prefix(text))), Owners)));

    [Fact]
    public void Networks_of_a_run_are_the_run_and_no_two_could_be_one()
    {
        var random = new Random(7);
        for (int i = 0; i < 2000; i++)
        {
            bool isIPv6 = random.Next(2) == 0;
            UInt128 end = AddressSpan.Whole(isIPv6).Last;
            UInt128 one = random.Next(8) == 0 ? 0 : (UInt128)random.NextInt64() << random.Next(isIPv6 ? 64 : 1) & end;
            UInt128 other = random.Next(8) == 0 ? end : (UInt128)random.NextInt64() & end;
            var span = new AddressSpan(isIPv6, UInt128.Min(one, other), UInt128.Max(one, other));
            IpPrefix[] networks = [.. span.Networks()];
            Assert.Equal([span], AddressSpan.Join(networks.Select(AddressSpan.Of)));
            Assert.All(networks, network => Assert.Equal(network, IpText.Masked(network, network.Length)));
            Assert.All(
                networks.Zip(networks.Skip(1)),
                pair => Assert.False(pair.First.Length == pair.Second.Length && IpText.Masked(pair.Second, pair.First.Length - 1).Address == pair.First.Address)
            );
        }
    }

    [Theory]
    [InlineData("tcp/80", "tcp/80")]
    [InlineData("tcp/1:2 tcp/3:9", "tcp/1:9")]
    [InlineData("icmp/8/0 icmp/8/1", "icmp/8/0:1")]
    [InlineData("icmp/3 icmp/4", "icmp/3:4")]
    [InlineData("icmp/3/5:255 icmp/4 icmp/5/0", "icmp/3/5:255 icmp/4 icmp/5/0")]
    [InlineData("icmp6/128/0", "icmp6/128/0")]
    [InlineData("gre sctp", "gre sctp")]
    [InlineData("tcp/0:65535 udp/0:65535 icmp icmp6", "any but other protocols")]
    public void Ports_are_joined_and_written_as_protocolPorts(string ports, string expected) =>
        Assert.Equal(expected, string.Join(' ', PortSpanText.Of(Spans(ports))));

    [Fact]
    public void Nearly_everything_is_said_by_what_is_missing()
    {
        PortSpan[] everything = [.. Enum.GetValues<PortTable>().Select(table => new PortSpan(table, 0, PortSpan.LastKey(table)))];
        Assert.Equal(["any"], PortSpanText.Of(everything));
        Assert.Equal(["any but", "tcp/22", "gre"], PortSpanText.Of(PortSpan.Subtract([.. everything], [.. Spans("tcp/22 gre")])));
        PortSpan onLinkOnly = new(PortTable.Icmp6OnLink, 128 << 8, 128 << 8);
        Assert.Equal(["icmp6/128/0 on link"], PortSpanText.Of([onLinkOnly]));
    }

    private static IEnumerable<PortSpan> Spans(string ports) =>
        ports
            .Split(' ')
            .Select(Written.Port)
            .SelectMany(port =>
                Enum.GetValues<PortTable>()
                    .Where(table => table == CompiledPolicyReader.TableOf(port.Protocol, false) || table == CompiledPolicyReader.TableOf(port.Protocol, true))
                    .SelectMany(table => Keys(port, table).Select(range => new PortSpan(table, range.First, range.Last)))
            );

    private static System.Collections.Immutable.ImmutableArray<KeyRange> Keys(ProtocolPort port, PortTable table) =>
        table == PortTable.Other ? [new KeyRange((ushort)port.Protocol, (ushort)port.Protocol)]
        : port.Ranges.IsEmpty ? [new KeyRange(0, ushort.MaxValue)]
        : port.Ranges;
}
