using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>A network interface.</summary>
/// <param name="Index">The kernel's index.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsLoopback">Loopback is never judged, and no more is the loopback of a virtual router (VRF).</param>
/// <param name="Master">
/// Index of the bridge or bond that takes its packets over, or 0. An interface of a virtual router keeps its packets to itself.
/// </param>
/// <param name="HasMacHeader">False for tun, wireguard and ipip, whose packets begin with the IP header.</param>
public sealed record HostInterface(int Index, string Name, bool IsLoopback, int Master, bool HasMacHeader)
{
    /// <summary>Its MAC address, such as <c>02:00:00:00:00:01</c>; empty for none.</summary>
    public string HardwareAddress { get; init; } = "";

    /// <summary>Its MTU in bytes.</summary>
    public int MaximumTransmissionUnit { get; init; }

    /// <summary>Whether IPv4 packets that come in here and are not for the host are passed on.</summary>
    public bool ForwardsIPv4 { get; init; }

    /// <summary>The same for IPv6.</summary>
    public bool ForwardsIPv6 { get; init; }

    /// <summary>
    /// The host's number for the network namespace at the other end of a veth pair, where the sockets of a pod are; null for other
    /// interfaces, and where the other end is here.
    /// </summary>
    public int? PeerNamespace { get; init; }

    /// <summary>Of a VLAN interface the device below and the tag there; null for others, and where the device is in another namespace.</summary>
    public VlanPlace? Vlan { get; init; }
}

/// <summary>Where the frames of a VLAN interface are seen with their tag.</summary>
/// <param name="Lower">Index of the device below.</param>
/// <param name="Tag">The tag that they carry there.</param>
public sealed record VlanPlace(int Lower, VlanTag Tag);
