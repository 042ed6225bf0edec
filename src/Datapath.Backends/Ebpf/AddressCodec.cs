using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Datapath.Backends.Ebpf;

/// <summary>Addresses between .NET and <c>struct dp_address</c>.</summary>
internal static class AddressCodec
{
    // Of ::ffff:0:0 before an IPv4 address.
    private const int MappedBits = 96;

    /// <summary>The kernel's form: IPv4 as ::ffff:a.b.c.d.</summary>
    public static DpAddress Encode(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return MemoryMarshal.Read<DpAddress>(bytes);
    }

    /// <summary>A network as the kernel's prefix tree has it: the family, then the address in the form above.</summary>
    public static DpNetwork Encode(IPNetwork network)
    {
        bool isIPv4 = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        int before = Abi.NetworkFamilyBits + (isIPv4 ? MappedBits : 0);
        return new DpNetwork
        {
            PrefixBits = (uint)(before + network.PrefixLength),
            FamilyBigEndian = BinaryPrimitives.ReverseEndianness(isIPv4 ? 4u : 6u),
            Address = Encode(network.BaseAddress),
        };
    }

    /// <summary>The address as people write it.</summary>
    /// <param name="address">As the kernel wrote it.</param>
    /// <param name="ipv6">The family: a mapped IPv6 address on the wire stays one.</param>
    public static IPAddress Decode(DpAddress address, bool ipv6)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<DpAddress>(in address));
        // Not by way of an IPv6 address: of a hundred thousand events a second that would be the most that is allocated.
        return new IPAddress(ipv6 ? bytes : bytes[(MappedBits / 8)..]);
    }
}
