using System.Buffers.Binary;
using System.Text;
using Datapath.Interop.Netlink;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Datapath.Tests.Interop.Netlink;

/// <summary>Messages of the kernel, and bytes that only look like them.</summary>
public sealed class RouteMessageTests
{
    [Fact]
    public void A_link_message_becomes_a_link()
    {
        byte[] name = [.. Encoding.ASCII.GetBytes("veth0"), 0];
        byte[] datagram = Message(
            type: 16,
            [0, 0, 1, 0, 7, 0, 0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0],
            Attribute(3, name),
            Attribute(1, [2, 0, 0, 0, 0, 0x0a]),
            Attribute(5, [9, 0, 0, 0]),
            Attribute(10, [3, 0, 0, 0]),
            Attribute(37, [1, 0, 0, 0]),
            Attribute(0x8000 | 18, Attribute(1, "veth\0"u8.ToArray())));
        NetworkChange change = Assert.Single(RtnetlinkMonitor.Changes(datagram));
        Assert.Equal(NetworkChangeKind.LinkChanged, change.Kind);
        Assert.Equal(
            new NetworkLink
            {
                Index = 7,
                Name = "veth0",
                Kind = "veth",
                LinkType = 1,
                Flags = LinkFlags.Up | LinkFlags.Running,
                MasterIndex = 3,
                PeerIndex = 9,
                PeerNamespaceId = 1,
                HardwareAddress = "02:00:00:00:00:0a",
            },
            change.Link);
    }

    [Fact]
    public void Of_an_address_with_a_peer_ours_is_taken()
    {
        byte[] datagram = Message(type: 20, [2, 32, 0, 0, 4, 0, 0, 0], Attribute(1, [10, 0, 0, 2]), Attribute(2, [10, 0, 0, 1]));
        NetworkChange change = Assert.Single(RtnetlinkMonitor.Changes(datagram));
        Assert.Equal(NetworkChangeKind.AddressAdded, change.Kind);
        Assert.Equal(new InterfaceAddress(4, System.Net.IPAddress.Parse("10.0.0.1"), 32, 0), change.Address);
    }

    [Fact]
    public void A_bridge_speaking_of_its_ports_is_not_a_link_message() =>
        Assert.Empty(RtnetlinkMonitor.Changes(Message(type: 16, [7, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])));

    [Fact]
    public void A_datagram_that_ends_inside_a_message_is_a_loss()
    {
        byte[] datagram = Message(type: 20, [2, 32, 0, 0, 4, 0, 0, 0], Attribute(1, [10, 0, 0, 2]));
        NetworkChange change = Assert.Single(RtnetlinkMonitor.Changes(datagram.AsSpan(0, datagram.Length - 1)));
        Assert.Equal(NetworkChangeKind.Lost, change.Kind);
    }

    [Fact]
    public void Any_bytes_are_survived_and_never_give_more_changes_than_they_have_room_for() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<byte[]>(),
            bytes => RtnetlinkMonitor.Changes(bytes).Count <= bytes.Length / NetlinkReader.HeaderBytes + 1)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithEndSize(400).WithQuietOnSuccess(true));

    [Fact]
    public void A_message_with_broken_bytes_is_survived()
    {
        byte[] good = Message(
            type: 16,
            new byte[16],
            Attribute(3, "eth0\0"u8.ToArray()),
            Attribute(0x8000 | 18, Attribute(1, "veth\0"u8.ToArray())));
        var random = new Random(20_250_101);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] broken = [.. good];
            for (int flips = random.Next(1, 6); flips > 0; flips--)
            {
                broken[random.Next(broken.Length)] = (byte)random.Next(256);
            }

            Assert.InRange(RtnetlinkMonitor.Changes(broken.AsSpan(0, random.Next(broken.Length + 1))).Count, 0, 6);
        }
    }

    [Fact]
    public void The_loopback_of_this_machine_is_found_with_its_address()
    {
        NetworkLink loopback = Assert.Single(Rtnetlink.Links(), link => link.IsLoopback);
        Assert.Equal("lo", loopback.Name);
        Assert.True(loopback.HasEthernetHeader);
        Assert.Equal(Rtnetlink.Links().Select(link => link.Index).Order(), Rtnetlink.Links().Select(link => link.Index));
        if (loopback.Flags.HasFlag(LinkFlags.Up))
        {
            Assert.Contains(Rtnetlink.Addresses(), address => address.Address.Equals(System.Net.IPAddress.Loopback) && address.PrefixLength == 8);
        }
    }

    [Fact]
    public void A_vlan_interface_says_its_tag()
    {
        byte[] values = [.. Attribute(1, [0x64, 0]), .. Attribute(5, [0x88, 0xa8])];
        byte[] datagram = Message(type: 16, new byte[16], Attribute(18, [.. Attribute(1, "vlan\0"u8.ToArray()), .. Attribute(2, values)]));
        Assert.Equal(new VlanTag(100, 0x88a8), Assert.Single(RtnetlinkMonitor.Changes(datagram)).Link!.Tag);
        byte[] other = Message(type: 16, new byte[16], Attribute(18, [.. Attribute(1, "vxlan\0"u8.ToArray()), .. Attribute(2, values)]));
        Assert.Null(Assert.Single(RtnetlinkMonitor.Changes(other)).Link!.Tag);
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(1, false)]
    [InlineData(6, false)]
    public void Of_routes_only_those_are_news_that_lead_to_the_host(byte kind, bool isNews)
    {
        byte[] datagram = Message(type: 24, [2, 16, 0, 0, 255, 3, 254, kind, 0, 0, 0, 0], Attribute(1, [10, 9, 0, 0]));
        Assert.Equal(isNews ? [NetworkChangeKind.LocalRouteChanged] : [], RtnetlinkMonitor.Changes(datagram).Select(change => change.Kind));
    }

    [Fact]
    public void Bits_beyond_the_prefix_of_a_route_do_not_count()
    {
        byte[] datagram = Message(type: 24, [2, 12, 0, 0, 0, 3, 254, 2, 0, 0, 0, 0], Attribute(1, [10, 0x9f, 3, 4]), Attribute(15, [0, 1, 0, 0]));
        var reader = new NetlinkReader(datagram);
        Assert.True(reader.TryRead(out NetlinkMessage message));
        Assert.Equal(new NetworkRoute(System.Net.IPNetwork.Parse("10.144.0.0/12"), RouteKind.Local, 256), RoutingMessages.LocalRoute(message));
    }

    [Fact]
    public void Any_route_rule_or_setting_is_survived()
    {
        var random = new Random(20_250_102);
        for (int round = 0; round < 20_000; round++)
        {
            var body = new byte[random.Next(64)];
            random.NextBytes(body);
            if (body.Length > 7)
            {
                (body[0], body[7]) = ((byte)(random.Next(2) == 0 ? 2 : 10), (byte)random.Next(6));
            }

            var reader = new NetlinkReader(Message((ushort)random.Next(16, 90), body));
            Assert.True(reader.TryRead(out NetlinkMessage message));
            NetworkRoute? route = RoutingMessages.LocalRoute(message);
            Assert.True(route is null || Enum.IsDefined(route.Kind));
            // Only a rule that leads to a table is one.
            Assert.True(RoutingMessages.Rule(message) is null || body[7] == 1);
            Assert.True(RoutingMessages.Forwarding(message) is null || body[0] is 2 or 10);
        }
    }

    private static byte[] Message(ushort type, byte[] body, params byte[][] attributes)
    {
        byte[] all = [.. new byte[NetlinkReader.HeaderBytes], .. body, .. attributes.SelectMany(attribute => attribute)];
        BinaryPrimitives.WriteInt32LittleEndian(all, all.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(all.AsSpan(4), type);
        return all;
    }

    private static byte[] Attribute(int type, byte[] value)
    {
        var attribute = new byte[NetlinkReader.Align(4 + value.Length)];
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute.AsSpan(2), (ushort)type);
        value.CopyTo(attribute, 4);
        return attribute;
    }
}
