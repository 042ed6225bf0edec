using System.Buffers.Binary;

namespace Datapath.Interop.Netlink;

/// <summary>Takes a datagram apart into messages. Never reads past its end, whatever the lengths inside claim.</summary>
internal ref struct NetlinkReader(ReadOnlySpan<byte> datagram)
{
    /// <summary>Size of <c>struct nlmsghdr</c>.</summary>
    internal const int HeaderBytes = 16;

    private ReadOnlySpan<byte> _rest = datagram;

    /// <summary>Whether what is left is not a message: cut short, or a length that cannot be.</summary>
    internal bool IsBroken { get; private set; }

    /// <summary>Takes the next message.</summary>
    /// <returns>False at the end, and when the rest is broken.</returns>
    internal bool TryRead(out NetlinkMessage message)
    {
        message = default;
        if (_rest.IsEmpty || IsBroken)
        {
            return false;
        }

        uint length = _rest.Length < HeaderBytes ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(_rest);
        if (length < HeaderBytes || length > (uint)_rest.Length)
        {
            IsBroken = true;
            return false;
        }

        var type = (NetlinkMessageType)BinaryPrimitives.ReadUInt16LittleEndian(_rest[4..]);
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(_rest[6..]);
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(_rest[8..]);
        message = new NetlinkMessage(type, flags, sequence, _rest[HeaderBytes..(int)length]);
        _rest = _rest[Math.Min(Align((int)length), _rest.Length)..];
        return true;
    }

    /// <summary>The next multiple of 4: where the following message or attribute begins.</summary>
    internal static int Align(int length) => (length + 3) & ~3;
}
