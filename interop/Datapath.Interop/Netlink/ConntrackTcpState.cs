namespace Datapath.Interop.Netlink;

/// <summary>How far a tracked TCP connection is.</summary>
/// <remarks><c>enum tcp_conntrack</c> of linux/netfilter/nf_conntrack_tcp.h.</remarks>
public enum ConntrackTcpState
{
    /// <summary>None of these yet.</summary>
    None = 0,

    /// <summary>SYN was seen.</summary>
    SynSent = 1,

    /// <summary>SYN was answered.</summary>
    SynReceived = 2,

    /// <summary>The answer was acknowledged.</summary>
    Established = 3,

    /// <summary>One side has said FIN.</summary>
    FinWait = 4,

    /// <summary>That was acknowledged.</summary>
    CloseWait = 5,

    /// <summary>Both have said FIN.</summary>
    LastAck = 6,

    /// <summary>Both were acknowledged.</summary>
    TimeWait = 7,

    /// <summary>RST.</summary>
    Close = 8,

    /// <summary>Both sides sent SYN.</summary>
    SynSentTwice = 9,
}
