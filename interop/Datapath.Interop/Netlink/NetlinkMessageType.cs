namespace Datapath.Interop.Netlink;

/// <summary>The messages we send or understand.</summary>
/// <remarks>NLMSG_* of linux/netlink.h, RTM_* of linux/rtnetlink.h; the kernel calls interface settings NETCONF.</remarks>
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
    NewRoute = 24,
    DeleteRoute = 25,
    GetRoute = 26,
    NewRule = 32,
    DeleteRule = 33,
    GetRule = 34,
    NewTrafficFilter = 44,
    GetTrafficFilter = 46,
    NewInterfaceSettings = 80,
    DeleteInterfaceSettings = 81,
    GetInterfaceSettings = 82,
    NewNamespaceId = 88,
    GetNamespaceId = 90,
}
