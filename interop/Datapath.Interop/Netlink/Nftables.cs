using System.Buffers.Binary;

namespace Datapath.Interop.Netlink;

/// <summary>The rules of nf_tables, those of iptables' newer variant among them, in the network namespace of the calling thread.</summary>
public static class Nftables
{
    // linux/netfilter/nf_tables.h: NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NFTA_GEN_ID.
    private const int Subsystem = 10;
    private const int GetGeneration = 16;
    private const int GenerationId = 1;

    /// <summary>A number that another transaction makes another one, whoever commits it; null where there are no tables that it could change.</summary>
    /// <remarks>nf_tables_getgen in net/netfilter/nf_tables_api.c, since Linux 3.18. It begins with the network namespace and is 32 bits wide.</remarks>
    /// <exception cref="KernelException">The kernel does not answer.</exception>
    public static uint? Generation()
    {
        using var socket = new NetfilterSocket();
        uint? generation = null;
        int refusal = socket.Ask(
            NetfilterSocket.Type(Subsystem, GetGeneration),
            new AttributeWriter().Body,
            message => generation = GenerationOf(message.Body) ?? generation
        );
        return refusal == 0 ? generation : null;
    }

    /// <summary>The number in an answer; null in any other bytes.</summary>
    /// <param name="body">From <c>struct nfgenmsg</c> on.</param>
    internal static uint? GenerationOf(ReadOnlySpan<byte> body)
    {
        if (body.Length < NetfilterSocket.HeaderBytes)
        {
            return null;
        }

        var attributes = new AttributeReader(body[NetfilterSocket.HeaderBytes..]);
        while (attributes.MoveNext())
        {
            if (attributes.Type == GenerationId && attributes.Value.Length == sizeof(uint))
            {
                return BinaryPrimitives.ReadUInt32BigEndian(attributes.Value);
            }
        }

        return null;
    }
}
