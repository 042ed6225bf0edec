using System.Net;
using Datapath.KernelTests.Ebpf;
using Datapath.Policy.Inventory;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Oracle;

/// <summary>The bytes of a described packet.</summary>
internal static class WireFrame
{
    private const int LaterOffset = 1480;
    private const int PortBytes = 4;
    private const int MostExtensions = 8;

    /// <summary>From the Ethernet header on.</summary>
    public static byte[] Of(WirePacket packet)
    {
        byte[] ip = Ip(packet);
        ushort etherType = packet.IsIPv6 ? (ushort)0x86dd : (ushort)0x0800;
        if (packet.Damage == Damage.WrongVersion)
        {
            ip[0] = (byte)(0x50 | (ip[0] & 0xf));
        }
        return Packet.Ethernet(ip, etherType);
    }

    private static byte[] Ip(WirePacket packet)
    {
        byte[] payload = packet.Fragment == FragmentPart.Later ? [0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef] : Transport(packet);
        if (packet.Damage == Damage.CutBeforePorts)
        {
            payload = payload[..PortBytes];
        }
        string source = Text(packet.Source);
        string destination = Text(packet.Destination);
        byte hopLimit = packet.IsOnLink ? (byte)255 : (byte)64;
        int offset = packet.Fragment == FragmentPart.Later ? LaterOffset : 0;
        bool more = packet.Fragment == FragmentPart.First;
        if (!packet.IsIPv6)
        {
            var fields = new IPv4Fields { TimeToLive = hopLimit, Id = packet.FragmentId, FragmentOffset = offset, More = more };
            return Packet.IPv4(source, destination, (byte)packet.Protocol, payload, fields);
        }
        byte next = (byte)packet.Protocol;
        if (packet.Fragment != FragmentPart.Whole)
        {
            payload = Packet.FragmentHeader(next, offset, more, packet.FragmentId, payload);
            next = Packet.Fragment;
        }
        for (int i = 0; packet.Damage == Damage.TooManyExtensions && i <= MostExtensions; i++)
        {
            payload = Packet.Extension(next, payload);
            next = Packet.DestinationOptions;
        }
        return Packet.IPv6(source, destination, next, payload, hopLimit);
    }

    private static byte[] Transport(WirePacket packet) =>
        packet.Protocol switch
        {
            ProtocolNumber.Tcp => Packet.TcpHeader(packet.SourcePort, packet.DestinationPort, (byte)packet.Flags),
            ProtocolNumber.Udp => Packet.UdpHeader(packet.SourcePort, packet.DestinationPort),
            ProtocolNumber.Icmp or ProtocolNumber.Icmp6 when packet.About is { } about => Packet.IcmpError(
                (byte)(packet.IcmpKind >> 8),
                (byte)packet.IcmpKind,
                Ip(about)
            ),
            ProtocolNumber.Icmp or ProtocolNumber.Icmp6 => Packet.IcmpHeader((byte)(packet.IcmpKind >> 8), (byte)packet.IcmpKind, packet.SourcePort),
            _ => new byte[8],
        };

    private static string Text(AddressKey address) => new IPAddress(address.ToAddress().GetAddressBytes()).ToString();
}
