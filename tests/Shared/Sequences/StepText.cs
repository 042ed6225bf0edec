using System.Globalization;
using System.Net;
using System.Text;
using Datapath.Policy.Inventory;

namespace Datapath.Shared.Sequences;

/// <summary>
/// Steps as lines that people write too: <c>policy 1</c>, <c>wait 36</c>, <c>forget all</c>, <c>forget udp 10.0.0.1 53 10.0.0.2 1024</c>,
/// <c>up0 in tcp 10.0.0.1 1024 10.0.0.2 80 flags=Syn</c>, <c>if2 out from=Host 47 10.0.0.1 10.0.0.2 fragment=First id=1</c>,
/// <c>up0 in icmp 10.0.0.1 10.0.0.2 kind=768 about udp 10.0.0.2 1024 10.0.0.1 53</c>.
/// </summary>
internal static class StepText
{
    private const string About = " about ";

    /// <summary>The line of a step.</summary>
    public static string Of(Step step) =>
        step switch
        {
            PolicyStep one => Invariant($"policy {one.Version}"),
            WaitStep one => Invariant($"wait {one.Seconds}"),
            EvictStep one => one.Of is { } packet ? $"forget {Of(packet)}" : "forget all",
            PacketStep { IsInwards: true } one => $"{one.Interface} in {Of(one.Packet)}",
            PacketStep one => $"{one.Interface} out from={one.Origin} {Of(one.Packet)}",
            _ => throw new ArgumentException($"no text for {step}", nameof(step)),
        };

    /// <summary>The step of a line.</summary>
    /// <exception cref="FormatException">The line is none.</exception>
    public static Step Read(string line)
    {
        string[] words = line.Split(' ', 3);
        return words switch
        {
            ["policy", var version] => new PolicyStep(int.Parse(version, CultureInfo.InvariantCulture)),
            ["wait", var seconds] => new WaitStep(int.Parse(seconds, CultureInfo.InvariantCulture)),
            ["forget", "all"] => new EvictStep(null),
            ["forget", ..] => new EvictStep(ReadPacket(line["forget ".Length..])),
            [var name, "in", var packet] => new PacketStep(name, IsInwards: true, Origin.SameInterface, ReadPacket(packet)),
            [var name, "out", var rest] when rest.Split(' ', 2) is [var from, var packet] => new PacketStep(name, IsInwards: false, ReadOrigin(from), ReadPacket(packet)),
            _ => throw new FormatException($"this is no step: {line}"),
        };
    }

    private static Origin ReadOrigin(string word) => Enum.Parse<Origin>(word["from=".Length..]);

    private static string Of(WirePacket packet)
    {
        bool hasPorts = HasPorts(packet.Protocol);
        var text = new StringBuilder(NameOf(packet.Protocol));
        text.Append(' ').Append(packet.Source);
        text.Append(hasPorts ? Invariant($" {packet.SourcePort}") : "").Append(' ').Append(packet.Destination);
        text.Append(hasPorts ? Invariant($" {packet.DestinationPort}") : "");
        text.Append(packet.Flags != TcpFlags.None ? $" flags={packet.Flags.ToString().Replace(", ", "+", StringComparison.Ordinal)}" : "");
        text.Append(packet.IsIcmp ? Invariant($" kind={packet.IcmpKind}") : "");
        text.Append(packet.IsEcho ? Invariant($" echo={packet.SourcePort}") : "");
        text.Append(packet.IsOnLink ? " onlink=True" : "");
        text.Append(packet.Fragment != FragmentPart.Whole ? Invariant($" fragment={packet.Fragment} id={packet.FragmentId}") : "");
        text.Append(packet.Damage != Damage.None ? $" damage={packet.Damage}" : "");
        return text.Append(packet.About is { } about ? About + Of(about) : "").ToString();
    }

    private static WirePacket ReadPacket(string line)
    {
        string[] parts = line.Split(About, 2);
        string[] words = parts[0].Split(' ');
        int protocol = NumberOf(words[0]);
        bool hasPorts = HasPorts(protocol);
        int ends = hasPorts ? 5 : 3;
        var packet = new WirePacket
        {
            Protocol = protocol,
            Source = Address(words[1]),
            Destination = Address(words[hasPorts ? 3 : 2]),
            SourcePort = hasPorts ? Number(words[2]) : (ushort)0,
            DestinationPort = hasPorts ? Number(words[4]) : (ushort)0,
            About = parts.Length > 1 ? ReadPacket(parts[1]) : null,
        };
        return words[ends..].Select(word => word.Split('=')).Aggregate(packet, (one, field) => With(one, field[0], field[1]));
    }

    private static WirePacket With(WirePacket packet, string field, string value) =>
        field switch
        {
            "flags" => packet with { Flags = Enum.Parse<TcpFlags>(value.Replace('+', ',')) },
            "kind" => packet with { IcmpKind = Number(value) },
            "echo" => packet with { SourcePort = Number(value) },
            "onlink" => packet with { IsOnLink = bool.Parse(value) },
            "fragment" => packet with { Fragment = Enum.Parse<FragmentPart>(value) },
            "id" => packet with { FragmentId = Number(value) },
            "damage" => packet with { Damage = Enum.Parse<Damage>(value) },
            _ => throw new FormatException($"a packet has no {field}"),
        };

    private static bool HasPorts(int protocol) => protocol is ProtocolNumber.Tcp or ProtocolNumber.Udp;

    private static string NameOf(int protocol) =>
        protocol switch
        {
            ProtocolNumber.Tcp => "tcp",
            ProtocolNumber.Udp => "udp",
            ProtocolNumber.Icmp => "icmp",
            ProtocolNumber.Icmp6 => "icmp6",
            _ => protocol.ToString(CultureInfo.InvariantCulture),
        };

    private static int NumberOf(string protocol) =>
        protocol switch
        {
            "tcp" => ProtocolNumber.Tcp,
            "udp" => ProtocolNumber.Udp,
            "icmp" => ProtocolNumber.Icmp,
            "icmp6" => ProtocolNumber.Icmp6,
            _ => Number(protocol),
        };

    private static ushort Number(string text) => ushort.Parse(text, CultureInfo.InvariantCulture);

    private static AddressKey Address(string text) => AddressKey.From(IPAddress.Parse(text));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
