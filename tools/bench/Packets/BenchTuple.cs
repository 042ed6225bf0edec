using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;

namespace Datapath.Bench.Packets;

/// <summary>What a run writes into its packet; <c>struct bench_tuple</c> of <c>bpf/bench.bpf.c</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct BenchTuple
{
    private readonly uint _source;
    private readonly uint _destination;
    private readonly ushort _sourcePort;
    private readonly ushort _destinationPort;
    private readonly byte _protocol;
    private readonly byte _tcpFlags;
    private readonly ushort _reserved;

    /// <summary>A packet.</summary>
    /// <param name="source">Address in host byte order.</param>
    /// <param name="sourcePort">Its port.</param>
    /// <param name="destination">Address in host byte order.</param>
    /// <param name="destinationPort">Its port.</param>
    /// <param name="protocol">IANA number.</param>
    /// <param name="flags">The flags byte of the TCP header.</param>
    public BenchTuple(uint source, ushort sourcePort, uint destination, ushort destinationPort, byte protocol, byte flags)
    {
        _source = BinaryPrimitives.ReverseEndianness(source);
        _destination = BinaryPrimitives.ReverseEndianness(destination);
        _sourcePort = BinaryPrimitives.ReverseEndianness(sourcePort);
        _destinationPort = BinaryPrimitives.ReverseEndianness(destinationPort);
        (_protocol, _tcpFlags, _reserved) = (protocol, flags, 0);
    }

    private BenchTuple(BenchTuple one, byte flags)
    {
        this = one;
        _tcpFlags = flags;
    }

    /// <summary>The sender in host byte order.</summary>
    public uint Source => BinaryPrimitives.ReverseEndianness(_source);

    /// <summary>Its port.</summary>
    public ushort SourcePort => BinaryPrimitives.ReverseEndianness(_sourcePort);

    /// <summary>The packet the other way.</summary>
    public BenchTuple Reversed =>
        new(
            BinaryPrimitives.ReverseEndianness(_destination),
            BinaryPrimitives.ReverseEndianness(_destinationPort),
            Source,
            BinaryPrimitives.ReverseEndianness(_sourcePort),
            _protocol,
            _tcpFlags
        );

    /// <summary>The packet with other flags.</summary>
    public BenchTuple With(byte flags) => new(this, flags);

    /// <inheritdoc/>
    public override string ToString() => $"{new IPAddress(_source)} -> {new IPAddress(_destination)}";
}
