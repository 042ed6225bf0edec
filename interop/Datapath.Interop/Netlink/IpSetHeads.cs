namespace Datapath.Interop.Netlink;

/// <summary>The sets of ipset without their entries, in the network namespace of the calling thread.</summary>
public static class IpSetHeads
{
    // linux/netfilter/ipset/ip_set.h: NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, IPSET_ATTR_PROTOCOL, _SETNAME and _FLAGS, IPSET_FLAG_LIST_HEADER.
    private const int Subsystem = 6;
    private const int List = 7;
    private const int Protocol = 1;
    private const int SetName = 2;
    private const int Flags = 6;
    private const uint OnlyHeads = 1 << 2;

    // What every kernel since 2.6.39 speaks.
    private const byte ProtocolVersion = 6;

    /// <summary>Takes what the kernel says of a set.</summary>
    /// <param name="set">Its name.</param>
    /// <param name="head">Its kind, size, references, number of entries, as the kernel wrote them; to be compared, not to be read.</param>
    public delegate void Receiver(string set, ReadOnlySpan<byte> head);

    /// <summary>Hands out all sets, whoever made them.</summary>
    /// <param name="onSet">Called for each.</param>
    /// <exception cref="KernelException">Refused, or the kernel has no ipset.</exception>
    public static void Read(Receiver onSet)
    {
        ArgumentNullException.ThrowIfNull(onSet);
        using var socket = new NetfilterSocket();
        socket.Dump(
            NetfilterSocket.Type(Subsystem, List),
            new AttributeWriter().Add(Protocol, ProtocolVersion).AddNumber(Flags, OnlyHeads).Body,
            message => onSet(NameIn(message.Body), message.Body)
        );
    }

    private static string NameIn(ReadOnlySpan<byte> body)
    {
        var attributes = new AttributeReader(body[Math.Min(NetfilterSocket.HeaderBytes, body.Length)..]);
        while (attributes.MoveNext())
        {
            if (attributes.Type == SetName)
            {
                return attributes.Text;
            }
        }

        return "";
    }
}
