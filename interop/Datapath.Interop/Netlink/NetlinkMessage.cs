using System.Buffers.Binary;

namespace Datapath.Interop.Netlink;

/// <summary>One message of a datagram.</summary>
/// <param name="type">What it is about.</param>
/// <param name="flags">NLM_F_* of linux/netlink.h.</param>
/// <param name="sequence">That of the question it answers; 0 when nobody asked.</param>
/// <param name="body">What follows the header.</param>
internal readonly ref struct NetlinkMessage(NetlinkMessageType type, ushort flags, uint sequence, ReadOnlySpan<byte> body)
{
    private const ushort DumpInterrupted = 0x10;

    /// <summary>What it is about.</summary>
    internal NetlinkMessageType Type { get; } = type;

    /// <summary>That of the question it answers; 0 when nobody asked.</summary>
    internal uint Sequence { get; } = sequence;

    /// <summary>What follows the header.</summary>
    internal ReadOnlySpan<byte> Body { get; } = body;

    /// <summary>Whether the tables changed while the kernel dumped them, so that the dump has to be repeated.</summary>
    internal bool IsInterrupted => (flags & DumpInterrupted) != 0;

    /// <summary>The errno of an error message, positive; 0 acknowledges. A dump that failed half way says so in its last message.</summary>
    internal int ErrorNumber =>
        Type is NetlinkMessageType.Error or NetlinkMessageType.Done && Body.Length >= sizeof(int)
            ? -BinaryPrimitives.ReadInt32LittleEndian(Body)
            : 0;
}
