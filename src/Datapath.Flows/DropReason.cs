namespace Datapath.Flows;

/// <summary>Why a packet was dropped. The numbers are those of <c>enum dp_reason</c> in <c>bpf/include/dp_abi.h</c>; a retired number stays reserved.</summary>
public enum DropReason : byte
{
    /// <summary>It was not.</summary>
    None = 0,

    /// <summary>A rule, or the default, rejects.</summary>
    Policy = 1,

    /// <summary>The rule that let the flow open is gone.</summary>
    Revoked = 2,

    /// <summary>The packet ends inside a header.</summary>
    ShortHeader = 3,

    /// <summary>A header contradicts itself.</summary>
    BadHeader = 4,

    /// <summary>More IPv6 extension headers, or VLAN tags, than we follow.</summary>
    ExtensionLimit = 5,

    /// <summary>A fragment whose ports nobody saw, where ports matter.</summary>
    PortsUnknown = 6,

    /// <summary>The frame and the kernel disagree on what it carries.</summary>
    LinkType = 7,

    /// <summary>The tables are not there, or have a hole; must not happen, fails closed.</summary>
    NoPolicy = 8,
}
