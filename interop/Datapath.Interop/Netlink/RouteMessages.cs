using System.Buffers.Binary;
using System.Net;

namespace Datapath.Interop.Netlink;

/// <summary>Turns messages about links and addresses into values. Any bytes are survived.</summary>
internal static class RouteMessages
{
    // struct ifinfomsg and struct ifaddrmsg of linux/rtnetlink.h and linux/if_addr.h.
    private const int LinkHeaderBytes = 16;
    private const int AddressHeaderBytes = 8;

    // IFLA_* of linux/if_link.h.
    private const int LinkAddress = 1;
    private const int LinkName = 3;
    private const int LinkMtu = 4;
    private const int LinkPeer = 5;
    private const int LinkMaster = 10;
    private const int LinkInformation = 18;
    private const int LinkPeerNamespace = 37;
    private const int InformationKind = 1;
    private const int InformationValues = 2;
    private const int VlanId = 1;
    private const int VlanProtocol = 5;

    // NETNSA_* of linux/net_namespace.h, behind struct rtgenmsg.
    private const int GeneralHeaderBytes = 4;
    private const int NamespaceNumber = 1;
    private const int NamespaceDescriptor = 3;

    // IFA_* of linux/if_addr.h.
    private const int AddressOrPeer = 1;
    private const int AddressLocal = 2;

    /// <summary>What a multicast message tells; null when it is about something else.</summary>
    internal static NetworkChange? Change(NetlinkMessage message) => message.Type switch
    {
        NetlinkMessageType.NewLink when Link(message) is { } link => new NetworkChange(NetworkChangeKind.LinkChanged, Link: link),
        NetlinkMessageType.DeleteLink when Link(message) is { } link => new NetworkChange(NetworkChangeKind.LinkRemoved, Link: link),
        NetlinkMessageType.NewAddress when Address(message) is { } address =>
            new NetworkChange(NetworkChangeKind.AddressAdded, Address: address),
        NetlinkMessageType.DeleteAddress when Address(message) is { } address =>
            new NetworkChange(NetworkChangeKind.AddressRemoved, Address: address),
        // Of a router's many routes only the few that lead to itself: its neighbours change the others all day long.
        NetlinkMessageType.NewRoute or NetlinkMessageType.DeleteRoute when RoutingMessages.LocalRoute(message) is not null =>
            new NetworkChange(NetworkChangeKind.LocalRouteChanged),
        NetlinkMessageType.NewRule or NetlinkMessageType.DeleteRule => new NetworkChange(NetworkChangeKind.RoutingRuleChanged),
        NetlinkMessageType.NewInterfaceSettings or NetlinkMessageType.DeleteInterfaceSettings =>
            new NetworkChange(NetworkChangeKind.InterfaceSettingsChanged),
        _ => null,
    };

    /// <summary>The interface a message is about; null when it is no such message.</summary>
    internal static NetworkLink? Link(NetlinkMessage message)
    {
        // A bridge also reports its ports in its own family: those messages do not describe the interface.
        if (message.Body.Length < LinkHeaderBytes || message.Body[0] != 0)
        {
            return null;
        }

        var link = new NetworkLink
        {
            Name = "",
            Kind = "",
            LinkType = BinaryPrimitives.ReadUInt16LittleEndian(message.Body[2..]),
            Index = BinaryPrimitives.ReadInt32LittleEndian(message.Body[4..]),
            Flags = (LinkFlags)BinaryPrimitives.ReadInt32LittleEndian(message.Body[8..]),
        };
        var attributes = new AttributeReader(message.Body[LinkHeaderBytes..]);
        while (attributes.MoveNext())
        {
            link = attributes.Type switch
            {
                LinkAddress => link with { HardwareAddress = Hexadecimal(attributes.Value) },
                LinkName => link with { Name = attributes.Text },
                LinkMtu => link with { MaximumTransmissionUnit = attributes.Number },
                LinkPeer => link with { PeerIndex = attributes.Number },
                LinkMaster => link with { MasterIndex = attributes.Number },
                LinkInformation => WithInformation(link, attributes.Value),
                LinkPeerNamespace => link with { PeerNamespaceId = attributes.Number },
                _ => link,
            };
        }

        return link;
    }

    /// <summary>The address a message is about; null when it is no such message or of another family.</summary>
    internal static InterfaceAddress? Address(NetlinkMessage message)
    {
        ReadOnlySpan<byte> body = message.Body;
        if (body.Length < AddressHeaderBytes || body[0] is not (RoutingMessages.FamilyInet or RoutingMessages.FamilyInet6))
        {
            return null;
        }

        int addressBytes = body[0] == RoutingMessages.FamilyInet ? 4 : 16;
        ReadOnlySpan<byte> own = default;
        var attributes = new AttributeReader(body[AddressHeaderBytes..]);
        while (attributes.MoveNext())
        {
            // With a peer the first is the peer's and the second ours; without one there may be only the first.
            bool isOwn = attributes.Type == AddressLocal || (attributes.Type == AddressOrPeer && own.IsEmpty);
            own = isOwn && attributes.Value.Length == addressBytes ? attributes.Value : own;
        }

        return own.IsEmpty
            ? null
            : new InterfaceAddress(
                BinaryPrimitives.ReadInt32LittleEndian(body[4..]),
                new IPAddress(own),
                PrefixLength: body[1],
                Scope: body[3]);
    }

    /// <summary>Asks for the number of a namespace.</summary>
    /// <param name="descriptor">An open file that refers to it.</param>
    internal static ReadOnlySpan<byte> NamespaceQuestion(int descriptor)
    {
        var number = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(number, descriptor);
        // struct rtgenmsg and its padding are as long as struct nfgenmsg.
        return new AttributeWriter().Add(NamespaceDescriptor, number).Body;
    }

    /// <summary>The number of a namespace; null when the message tells none. Below 0: it has none.</summary>
    internal static int? NamespaceId(NetlinkMessage message)
    {
        var attributes = new AttributeReader(
            message.Type == NetlinkMessageType.NewNamespaceId && message.Body.Length >= GeneralHeaderBytes ? message.Body[GeneralHeaderBytes..] : default);
        while (attributes.MoveNext())
        {
            if (attributes.Type == NamespaceNumber)
            {
                return attributes.Number;
            }
        }

        return null;
    }

    // The kind comes first, and says what the values mean.
    private static NetworkLink WithInformation(NetworkLink link, ReadOnlySpan<byte> information)
    {
        var attributes = new AttributeReader(information);
        while (attributes.MoveNext())
        {
            link = attributes.Type switch
            {
                InformationKind => link with { Kind = attributes.Text },
                InformationValues when link.Kind == NetworkLink.VlanKind => link with { Tag = Tag(attributes.Value) },
                _ => link,
            };
        }

        return link;
    }

    private static VlanTag? Tag(ReadOnlySpan<byte> values)
    {
        int? id = null;
        int protocol = VlanTag.CustomerProtocol;
        var attributes = new AttributeReader(values);
        while (attributes.MoveNext())
        {
            bool isShort = attributes.Value.Length < sizeof(ushort);
            (id, protocol) = attributes.Type switch
            {
                VlanId when !isShort => (BinaryPrimitives.ReadUInt16LittleEndian(attributes.Value), protocol),
                VlanProtocol when !isShort => (id, BinaryPrimitives.ReadUInt16BigEndian(attributes.Value)),
                _ => (id, protocol),
            };
        }

        return id is null ? null : new VlanTag(id.Value, protocol);
    }

    private static string Hexadecimal(ReadOnlySpan<byte> address)
    {
        var parts = new string[address.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            parts[i] = address[i].ToString("x2");
        }

        return string.Join(':', parts);
    }
}
