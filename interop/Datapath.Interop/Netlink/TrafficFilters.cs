using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Datapath.Interop.Netlink;

/// <summary>Filters of the clsact qdisc, whoever made them.</summary>
internal static class TrafficFilters
{
    // struct tcmsg of linux/rtnetlink.h: family, padding, ifindex, handle, parent, info.
    private const int RequestBytes = 20;
    private const int InterfaceAt = 4;
    private const int HandleAt = 8;
    private const int ParentAt = 12;

    // TCA_KIND and TCA_OPTIONS of linux/rtnetlink.h; TCA_BPF_NAME, linux/pkt_cls.h, among the options of kind bpf.
    private const int KindAttribute = 1;
    private const int OptionsAttribute = 2;
    private const int BpfNameOption = 7;

    // TC_H_CLSACT with TC_H_MIN_INGRESS and TC_H_MIN_EGRESS, linux/pkt_sched.h.
    private static readonly uint[] Parents = [0xfffffff2, 0xfffffff3];

    /// <summary>Whether an interface has any filter at clsact.</summary>
    /// <exception cref="KernelException">Refused.</exception>
    internal static bool Any(int interfaceIndex)
    {
        using var socket = new NetlinkSocket();
        return Parents.Any(parent => Count(socket, interfaceIndex, parent) > 0);
    }

    /// <summary>What the filters at clsact are called: the name of a program, or the kind of a filter that is none.</summary>
    /// <exception cref="KernelException">Refused.</exception>
    internal static ImmutableArray<string> Names(int interfaceIndex)
    {
        var names = new List<string>();
        using var socket = new NetlinkSocket();
        foreach (uint parent in Parents)
        {
            var ofParent = new List<string>();
            socket.Dump(NetlinkMessageType.GetTrafficFilter, Request(interfaceIndex, parent), ofParent.Clear, message => AddName(ofParent, message));
            names.AddRange(ofParent);
        }

        return [.. names];
    }

    private static int Count(NetlinkSocket socket, int interfaceIndex, uint parent)
    {
        int filters = 0;
        socket.Dump(
            NetlinkMessageType.GetTrafficFilter,
            Request(interfaceIndex, parent),
            restart: () => filters = 0,
            message => filters += message.Type == NetlinkMessageType.NewTrafficFilter ? 1 : 0);
        return filters;
    }

    private static byte[] Request(int interfaceIndex, uint parent)
    {
        var request = new byte[RequestBytes];
        BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(InterfaceAt), interfaceIndex);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(ParentAt), parent);
        return request;
    }

    private static void AddName(List<string> names, NetlinkMessage message)
    {
        // Handle 0 is the place of a priority, not a filter in it.
        if (message.Type != NetlinkMessageType.NewTrafficFilter
            || message.Body.Length < RequestBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(message.Body[HandleAt..]) == 0)
        {
            return;
        }

        string name = "";
        var attributes = new AttributeReader(message.Body[RequestBytes..]);
        while (attributes.MoveNext())
        {
            name = attributes.Type switch
            {
                KindAttribute => attributes.Text,
                OptionsAttribute when name == "bpf" => BpfName(attributes.Value) ?? name,
                _ => name,
            };
        }

        names.Add(name);
    }

    private static string? BpfName(ReadOnlySpan<byte> options)
    {
        var attributes = new AttributeReader(options);
        while (attributes.MoveNext())
        {
            if (attributes.Type == BpfNameOption)
            {
                return attributes.Text;
            }
        }

        return null;
    }
}
