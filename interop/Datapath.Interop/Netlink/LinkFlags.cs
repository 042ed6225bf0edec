namespace Datapath.Interop.Netlink;

/// <summary>State of an interface; other bits of the kernel may be set too.</summary>
/// <remarks>IFF_* of linux/if.h.</remarks>
[Flags]
public enum LinkFlags
{
    /// <summary>Down.</summary>
    None = 0,

    /// <summary>Switched on by the administrator.</summary>
    Up = 1,

    /// <summary>The loopback.</summary>
    Loopback = 8,

    /// <summary>Has exactly one other end.</summary>
    PointToPoint = 16,

    /// <summary>Has a carrier.</summary>
    Running = 64,

    /// <summary>Does not resolve addresses.</summary>
    NoArp = 128,
}
