using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <summary>
/// Packets under <see cref="Policies.Friends"/>, in the order in which they are sent: what an earlier one opened or left is there for those
/// behind it. Each that opens a flow has a port of its own, so that none is part of another's flow by chance.
/// </summary>
internal sealed partial class CraftedPackets
{
    private const string Friend = "10.9.1.1";
    private const string Stranger = "10.8.1.1";
    private const string Host = "10.0.0.1";
    private const string Web = "10.1.0.2";
    private const string Friend6 = "2001:db8:9::1";
    private const string Stranger6 = "2001:db8:8::1";
    private const string Host6 = "2001:db8::1";

    private const string Allowed = "pass everyone in 1";
    private const string Denied = "drop Policy default in";
    private const string Short = "drop ShortHeader";
    private const string Bad = "drop BadHeader";
    private const string TooMany = "drop ExtensionLimit";
    private const string NoPorts = "drop PortsUnknown";
    private const string NotIP = "pass not_ip_passed";
    private const string Forwarded = "pass forwarded";

    private const byte Gre = 47;
    private const byte Esp = 50;
    private const byte NoNextHeader = 59;

    private ushort _port = 40000;

    /// <summary>All of them.</summary>
    public IEnumerable<CraftedPacket> All() => [.. Addresses(), .. IPv4Headers(), .. Lengths(), .. IPv6Headers(), .. Chains(), .. Fragments(), .. Errors(), .. Links(), .. Hooks()];

    private byte[] Syn80() => TcpHeader(_port++, 80, Syn);

    private byte[] Syn81() => TcpHeader(_port++, 81, Syn);

    private byte[] Query() => UdpHeader(_port++, 53);

    private static CraftedPacket V4(string name, byte protocol, byte[] payload, string expected, IPv4Fields? fields = null) =>
        new(name, Ethernet(IPv4(Friend, Host, protocol, payload, fields), 0x0800), expected);

    private static CraftedPacket V6(string name, byte next, byte[] payload, string expected, int? payloadBytes = null) =>
        new(name, Ethernet(IPv6(Friend6, Host6, next, payload, payloadBytes: payloadBytes)), expected);

    private static CraftedPacket From(string source, string name, byte protocol, byte[] payload, string expected) =>
        new(name, Ethernet(source.Contains(':', StringComparison.Ordinal) ? IPv6(source, Host6, protocol, payload) : IPv4(source, Host, protocol, payload)), expected);

    /// <summary>The same with bytes behind its end, as the smallest frames have them.</summary>
    private static CraftedPacket Padded(CraftedPacket one, byte[] padding) => one with { Frame = [.. one.Frame, .. padding] };
}
