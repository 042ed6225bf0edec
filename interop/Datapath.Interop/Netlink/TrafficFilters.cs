using System.Buffers.Binary;

namespace Datapath.Interop.Netlink;

/// <summary>Filters of the clsact qdisc, whoever made them.</summary>
internal static class TrafficFilters
{
    // struct tcmsg of linux/rtnetlink.h: family, padding, ifindex, handle, parent, info.
    private const int RequestBytes = 20;
    private const int InterfaceAt = 4;
    private const int ParentAt = 12;

    // TC_H_CLSACT with TC_H_MIN_INGRESS and TC_H_MIN_EGRESS, linux/pkt_sched.h.
    private static readonly uint[] Parents = [0xfffffff2, 0xfffffff3];

    /// <summary>Whether an interface has any filter at clsact.</summary>
    /// <exception cref="KernelException">Refused.</exception>
    internal static bool Any(int interfaceIndex)
    {
        using var socket = new NetlinkSocket();
        return Parents.Any(parent => Count(socket, interfaceIndex, parent) > 0);
    }

    private static int Count(NetlinkSocket socket, int interfaceIndex, uint parent)
    {
        var request = new byte[RequestBytes];
        BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(InterfaceAt), interfaceIndex);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(ParentAt), parent);
        int filters = 0;
        socket.Dump(
            NetlinkMessageType.GetTrafficFilter,
            request,
            restart: () => filters = 0,
            message => filters += message.Type == NetlinkMessageType.NewTrafficFilter ? 1 : 0);
        return filters;
    }
}
