using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Ebpf;

/// <summary>The first frame of a connection that is only asked about.</summary>
internal static class CanaryFrame
{
    private const int EthernetBytes = 14;
    private const int HeaderBytesIPv4 = 20;
    private const int HeaderBytesIPv6 = 40;

    // Room for the longest header behind the address, TCP's.
    private const int PayloadBytes = 20;
    private const ushort SourcePort = 40000;

    // Documentation addresses (RFC 5737, RFC 3849): whose the other end is does not matter to a policy.
    private static readonly IPAddress Own4 = new([192, 0, 2, 1]);
    private static readonly IPAddress Own6 = IPAddress.Parse("2001:db8::1");

    /// <summary>An Ethernet frame that the tables must know as this connection.</summary>
    /// <param name="one">The connection.</param>
    public static byte[] Of(Canary one)
    {
        bool ip6 = one.Peer.IsIPv6;
        int headerBytes = ip6 ? HeaderBytesIPv6 : HeaderBytesIPv4;
        var frame = new byte[EthernetBytes + headerBytes + PayloadBytes];
        frame[0] = 2;
        frame[6] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), (ushort)(ip6 ? 0x86dd : 0x0800));
        Span<byte> ip = frame.AsSpan(EthernetBytes);
        IPAddress peer = one.Peer.ToAddress();
        IPAddress own = peer.AddressFamily == AddressFamily.InterNetworkV6 ? Own6 : Own4;
        (IPAddress source, IPAddress destination) = one.Direction == Direction.Incoming ? (peer, own) : (own, peer);
        byte hopLimit = (byte)(one.Table == PortTable.Icmp6OnLink ? 255 : 64);
        WriteHeader(ip, ip6, ProtocolOf(one), hopLimit);
        int addresses = ip6 ? 8 : 12;
        source.TryWriteBytes(ip[addresses..], out int length);
        destination.TryWriteBytes(ip[(addresses + length)..], out _);
        WritePorts(ip[headerBytes..], one);
        return frame;
    }

    private static void WriteHeader(Span<byte> ip, bool ip6, byte protocol, byte hopLimit)
    {
        if (ip6)
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], PayloadBytes);
            ip[6] = protocol;
            ip[7] = hopLimit;
            return;
        }

        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], HeaderBytesIPv4 + PayloadBytes);
        ip[8] = hopLimit;
        ip[9] = protocol;
    }

    private static void WritePorts(Span<byte> payload, Canary one)
    {
        switch (one.Table)
        {
            case PortTable.Tcp or PortTable.Udp:
                BinaryPrimitives.WriteUInt16BigEndian(payload, SourcePort);
                BinaryPrimitives.WriteUInt16BigEndian(payload[2..], one.Key);
                if (one.Table == PortTable.Tcp)
                {
                    payload[12] = 0x50;
                    payload[13] = 0x02;
                }
                else
                {
                    BinaryPrimitives.WriteUInt16BigEndian(payload[4..], PayloadBytes);
                }

                break;
            case PortTable.Other:
                break;
            default:
                BinaryPrimitives.WriteUInt16BigEndian(payload, one.Key);
                break;
        }
    }

    private static byte ProtocolOf(Canary one) =>
        one.Table switch
        {
            PortTable.Tcp => IanaProtocol.Tcp,
            PortTable.Udp => IanaProtocol.Udp,
            PortTable.Icmp => IanaProtocol.Icmp,
            PortTable.Icmp6 or PortTable.Icmp6OnLink => IanaProtocol.IcmpV6,
            _ => (byte)one.Key,
        };
}
