using System.Buffers.Binary;

namespace Datapath.Interop.Netlink;

/// <summary>Writes the body of a netfilter message: <c>struct nfgenmsg</c>, then attributes.</summary>
internal sealed class AttributeWriter
{
    private const int NestedFlag = 0x8000;

    private readonly List<byte> _body;

    /// <summary>Begins a message.</summary>
    /// <param name="family">AF_*, or 0.</param>
    /// <param name="resource">Such as a log group.</param>
    internal AttributeWriter(byte family = 0, ushort resource = 0) => _body = [family, 0, (byte)(resource >> 8), (byte)resource];

    /// <summary>The message so far.</summary>
    internal ReadOnlySpan<byte> Body => _body.ToArray();

    /// <summary>Adds an attribute.</summary>
    internal AttributeWriter Add(int type, params ReadOnlySpan<byte> value)
    {
        Span<byte> header = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(header.Length + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], (ushort)type);
        _body.AddRange(header);
        _body.AddRange(value);
        while (_body.Count % 4 != 0)
        {
            _body.Add(0);
        }

        return this;
    }

    /// <summary>Adds an attribute that is made of attributes.</summary>
    internal AttributeWriter AddNested(int type, Action<AttributeWriter> write)
    {
        var inner = new AttributeWriter();
        write(inner);
        // Newer kernels insist on the flag (NLA_F_NESTED).
        return Add(type | NestedFlag, inner.Body[NetfilterSocket.HeaderBytes..]);
    }

    /// <summary>Adds a number in network byte order.</summary>
    internal AttributeWriter AddPort(int type, ushort value) => Add(type, (byte)(value >> 8), (byte)value);

    /// <summary>Adds a number in network byte order.</summary>
    internal AttributeWriter AddNumber(int type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return Add(type, bytes);
    }
}
