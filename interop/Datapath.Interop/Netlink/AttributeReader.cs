using System.Buffers.Binary;

namespace Datapath.Interop.Netlink;

/// <summary>Walks the attributes behind a message's fixed part. Never reads past their end.</summary>
internal ref struct AttributeReader(ReadOnlySpan<byte> attributes)
{
    private const int HeaderBytes = 4;

    // The top two bits of the type are flags: nested, and network byte order.
    private const int TypeMask = 0x3fff;

    private ReadOnlySpan<byte> _rest = attributes;

    /// <summary>Number of the attribute just read.</summary>
    internal int Type { get; private set; }

    /// <summary>Its value.</summary>
    internal ReadOnlySpan<byte> Value { get; private set; }

    /// <summary>Its value as a number in host byte order; 0 when it is too short for one.</summary>
    internal readonly int Number => Value.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(Value) : 0;

    /// <summary>Its value as text up to the zero byte.</summary>
    internal readonly string Text => Utf8Text.FromField(Value);

    /// <summary>Goes to the next attribute.</summary>
    /// <returns>False at the end, and where the rest is no attribute.</returns>
    internal bool MoveNext()
    {
        int length = _rest.Length < HeaderBytes ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(_rest);
        if (length < HeaderBytes || length > _rest.Length)
        {
            return false;
        }

        Type = BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]) & TypeMask;
        Value = _rest[HeaderBytes..length];
        _rest = _rest[Math.Min(NetlinkReader.Align(length), _rest.Length)..];
        return true;
    }
}
