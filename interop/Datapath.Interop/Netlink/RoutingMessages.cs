using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Datapath.Interop.Netlink;

/// <summary>Turns messages about routes, rules and settings of interfaces into values. Any bytes are survived.</summary>
internal static class RoutingMessages
{
    /// <summary>AF_INET.</summary>
    internal const byte FamilyInet = 2;

    /// <summary>AF_INET6.</summary>
    internal const byte FamilyInet6 = 10;

    /// <summary>Where <c>struct rtmsg</c> has the kind of a route.</summary>
    internal const int RouteKindAt = 7;

    // struct rtmsg of linux/rtnetlink.h, struct fib_rule_hdr of linux/fib_rules.h, struct netconfmsg of linux/netconf.h with its padding.
    private const int RouteHeaderBytes = 12;
    private const int RuleHeaderBytes = 12;
    private const int SettingsHeaderBytes = 4;

    // RTA_* of linux/rtnetlink.h; RTM_F_CLONED marks what a lookup left behind.
    private const int RouteDestination = 1;
    private const int RouteTable = 15;
    private const uint ClonedFlag = 0x200;

    // FRA_* and FR_ACT_TO_TBL of linux/fib_rules.h.
    private const int RuleMark = 10;
    private const int RuleTable = 15;
    private const int RuleOfVirtualRouters = 19;
    private const byte ToTable = 1;

    // NETCONFA_* of linux/netconf.h.
    private const int SettingsInterface = 1;
    private const int SettingsForwarding = 2;

    /// <summary>The route of a message; null when it is no such message, or its packets are not for this host.</summary>
    internal static NetworkRoute? LocalRoute(NetlinkMessage message)
    {
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < RouteHeaderBytes || body[0] is not (FamilyInet or FamilyInet6))
        {
            return null;
        }

        var kind = (RouteKind)body[RouteKindAt];
        bool isCloned = (BinaryPrimitives.ReadUInt32LittleEndian(body[8..]) & ClonedFlag) != 0;
        if (isCloned || kind is not (RouteKind.Local or RouteKind.Broadcast or RouteKind.Anycast))
        {
            return null;
        }

        // Without a destination it is the route of every address.
        Span<byte> address = stackalloc byte[body[0] == FamilyInet ? 4 : 16];
        int length = Math.Min(body[1], address.Length * 8);
        uint table = body[4];
        var attributes = new AttributeReader(body[RouteHeaderBytes..]);
        while (attributes.MoveNext())
        {
            if (attributes.Type == RouteDestination && attributes.Value.Length == address.Length)
            {
                attributes.Value.CopyTo(address);
            }

            table = attributes.Type == RouteTable ? (uint)attributes.Number : table;
        }

        return new NetworkRoute(Network(address, length), kind, table);
    }

    /// <summary>The rule of a message; null when it is no such message, or the rule chooses no table.</summary>
    internal static RoutingRule? Rule(NetlinkMessage message)
    {
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < RuleHeaderBytes || body[7] != ToTable)
        {
            return null;
        }

        var rule = new RoutingRule(body[4], NeedsMark: false, IsOfVirtualRouters: false);
        var attributes = new AttributeReader(body[RuleHeaderBytes..]);
        while (attributes.MoveNext())
        {
            rule = attributes.Type switch
            {
                RuleTable => rule with { Table = (uint)attributes.Number },
                RuleMark => rule with { NeedsMark = attributes.Number != 0 },
                RuleOfVirtualRouters => rule with { IsOfVirtualRouters = true },
                _ => rule,
            };
        }

        return rule;
    }

    /// <summary>The setting of a message; null when it is no such message, or says nothing of forwarding.</summary>
    internal static InterfaceForwarding? Forwarding(NetlinkMessage message)
    {
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < SettingsHeaderBytes || body[0] is not (FamilyInet or FamilyInet6))
        {
            return null;
        }

        int? index = null;
        bool? isOn = null;
        var attributes = new AttributeReader(body[SettingsHeaderBytes..]);
        while (attributes.MoveNext())
        {
            index = attributes.Type == SettingsInterface ? attributes.Number : index;
            isOn = attributes.Type == SettingsForwarding ? attributes.Number != 0 : isOn;
        }

        AddressFamily family = body[0] == FamilyInet ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        return (index, isOn) is ({ } which, { } on) ? new InterfaceForwarding(family, which, on) : null;
    }

    // Bits beyond the prefix would be refused by the type, and do not count for the kernel.
    private static IPNetwork Network(Span<byte> address, int length)
    {
        for (int bit = length; bit < address.Length * 8; bit++)
        {
            address[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(address), length);
    }
}
