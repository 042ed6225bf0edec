using System.Buffers.Binary;
using System.Net;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Flows;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Iptables;

/// <summary>Turns the packets of NFLOG into flow events. Any bytes are survived.</summary>
/// <param name="time">Gives the wall clock: packets are read so soon that the time of reading will do.</param>
/// <param name="podBit">The bit of the packet mark that is set while a unit judges that is not the host.</param>
internal sealed class PacketDecoder(TimeProvider time, uint podBit)
{
    private const int Prerouting = 0;
    private const int EchoReply = 0;
    private const int EchoRequest = 8;
    private const int Echo6Request = 128;
    private const int Echo6Reply = 129;

    // Hop-by-hop, routing, fragment, authentication, destination options: what ip6tables walks over too.
    private const int Fragment = 44;
    private const int Authentication = 51;

    /// <summary>Which unit is behind an interface; replaced when a policy is applied.</summary>
    public IReadOnlyDictionary<int, int> Units { get; set; } = new Dictionary<int, int>();

    /// <summary>Decodes a packet.</summary>
    /// <param name="packet">As the kernel handed it over.</param>
    /// <returns>Null for one that no rule of ours logged, and one whose addresses cannot be read.</returns>
    public FlowEvent? Decode(LoggedPacket packet)
    {
        if (LogPrefix.Parse(packet.Prefix) is not { } prefix || Headers.Read(packet.Payload) is not { } headers)
        {
            return null;
        }

        bool comesIn = packet.Hook == Prerouting;
        bool isHost = (packet.Mark & podBit) == 0;
        int link = comesIn ? packet.InputInterface : packet.OutputInterface;
        return new FlowEvent
        {
            Time = time.GetUtcNow(),
            Unit = prefix.Unit != 0 ? prefix.Unit : isHost ? LocalUnit.HostNumber : Units.GetValueOrDefault(link),
            // What comes in to the host's end of a pod's veth was sent by the pod. A cgroup judges what it sends.
            Direction = comesIn == isHost && prefix.Unit == 0 ? Direction.Incoming : Direction.Outgoing,
            Verdict = prefix.Descriptor.Verdict,
            Reason = prefix.Reason,
            Flags = prefix.Descriptor.Flags,
            RuleIndex = prefix.Descriptor.RuleIndex,
            ObservedRuleIndex = prefix.Descriptor.ObservedRuleIndex,
            ObservedVerdict = prefix.Descriptor.ObservedVerdict,
            Protocol = headers.Protocol,
            Source = headers.Source,
            SourcePort = headers.SourcePort,
            Destination = headers.Destination,
            DestinationKey = headers.DestinationKey,
            Hook = comesIn ? "prerouting" : "postrouting",
            Generation = prefix.Generation,
        };
    }

    private sealed record Headers(byte Protocol, IPAddress Source, IPAddress Destination, ushort SourcePort, ushort DestinationKey)
    {
        private const int HeaderBytes4 = 20;
        private const int HeaderBytes6 = 40;

        public static Headers? Read(ReadOnlySpan<byte> packet) =>
            (packet.IsEmpty ? 0 : packet[0] >> 4) switch
            {
                4 when packet.Length >= HeaderBytes4 => new Headers(packet[9], new IPAddress(packet[12..16]), new IPAddress(packet[16..20]), 0, 0).WithPorts(
                    packet[Math.Min(packet.Length, (packet[0] & 15) * 4)..]
                ),
                6 when packet.Length >= HeaderBytes6 => ReadIPv6(packet),
                _ => null,
            };

        private static Headers ReadIPv6(ReadOnlySpan<byte> packet)
        {
            byte next = packet[6];
            ReadOnlySpan<byte> rest = packet[HeaderBytes6..];
            while (next is 0 or 43 or Fragment or Authentication or 60 && rest.Length >= 8)
            {
                int length = next switch
                {
                    Fragment => 8,
                    Authentication => (rest[1] + 2) * 4,
                    _ => (rest[1] + 1) * 8,
                };
                next = rest[0];
                rest = rest[Math.Min(rest.Length, length)..];
            }

            return new Headers(next, new IPAddress(packet[8..24]), new IPAddress(packet[24..40]), 0, 0).WithPorts(rest);
        }

        private Headers WithPorts(ReadOnlySpan<byte> transport)
        {
            ushort Number(ReadOnlySpan<byte> bytes, int at) => bytes.Length >= at + 2 ? BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]) : (ushort)0;
            ushort first = Number(transport, 0);
            return Protocol switch
            {
                IanaProtocol.Tcp or IanaProtocol.Udp => this with { SourcePort = first, DestinationKey = Number(transport, 2) },
                IanaProtocol.Icmp or IanaProtocol.IcmpV6 => this with { SourcePort = IsEcho(first >> 8) ? Number(transport, 4) : (ushort)0, DestinationKey = first },
                _ => this with { DestinationKey = Protocol },
            };
        }

        private bool IsEcho(int type) =>
            Protocol == IanaProtocol.Icmp ? type is EchoRequest or EchoReply : type is Echo6Request or Echo6Reply;
    }
}
