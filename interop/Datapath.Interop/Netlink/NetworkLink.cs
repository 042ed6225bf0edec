namespace Datapath.Interop.Netlink;

/// <summary>A network interface, as the kernel describes it to the namespace that asked.</summary>
public sealed record NetworkLink
{
    /// <summary>The <see cref="Kind"/> of VLAN interfaces.</summary>
    public const string VlanKind = "vlan";

    /// <summary>The <see cref="Kind"/> of a virtual router's own device.</summary>
    public const string VrfKind = "vrf";

    /// <summary>Whether what is sent here comes out at an interface that may be in another namespace: veth and netkit.</summary>
    public bool IsOfPair => Kind is "veth" or "netkit";

    /// <summary>The index, from 1; unique in the namespace.</summary>
    public required int Index { get; init; }

    /// <summary>The name; it may change.</summary>
    public required string Name { get; init; }

    /// <summary>The driver's kind, such as <c>veth</c>, <c>bridge</c>, <c>vlan</c>; empty for hardware and the loopback.</summary>
    public required string Kind { get; init; }

    /// <summary>ARPHRD_* of linux/if_arp.h: 1 Ethernet, 772 loopback, 65534 none.</summary>
    public required int LinkType { get; init; }

    /// <summary>Up, running, loopback and the like.</summary>
    public required LinkFlags Flags { get; init; }

    /// <summary>Index of the bridge or bond it is enslaved to; 0 for none.</summary>
    public int MasterIndex { get; init; }

    /// <summary>Index of the other end of a veth or of the device below a VLAN, in <see cref="PeerNamespaceId"/>; 0 for none.</summary>
    public int PeerIndex { get; init; }

    /// <summary>This namespace's number for the one that <see cref="PeerIndex"/> counts in; null when it is this one.</summary>
    public int? PeerNamespaceId { get; init; }

    /// <summary>Of a VLAN interface the tag of its frames on the device below; null for others.</summary>
    public VlanTag? Tag { get; init; }

    /// <summary>The hardware address in hexadecimal with colons; empty for devices without one.</summary>
    public string HardwareAddress { get; init; } = "";

    /// <summary>Largest packet in bytes.</summary>
    public int MaximumTransmissionUnit { get; init; }

    /// <summary>Whether this is the namespace's own loopback.</summary>
    public bool IsLoopback => Flags.HasFlag(LinkFlags.Loopback);

    /// <summary>Whether packets of the device begin with an Ethernet header.</summary>
    public bool HasEthernetHeader => LinkType is 1 or 772;
}
