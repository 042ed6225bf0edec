namespace Datapath.Interop.Netlink;

/// <summary>The messages we send or understand.</summary>
/// <remarks>NLMSG_* of linux/netlink.h, RTM_* of linux/rtnetlink.h.</remarks>
internal enum NetlinkMessageType : ushort
{
    Error = 2,
    Done = 3,
    NewLink = 16,
    DeleteLink = 17,
    GetLink = 18,
    NewAddress = 20,
    DeleteAddress = 21,
    GetAddress = 22,
    NewTrafficFilter = 44,
    GetTrafficFilter = 46,
}
