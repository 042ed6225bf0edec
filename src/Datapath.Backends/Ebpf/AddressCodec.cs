using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Datapath.Backends.Ebpf;

/// <summary>Addresses between .NET and <c>struct dp_address</c>.</summary>
internal static class AddressCodec
{
    /// <summary>The kernel's form: IPv4 as ::ffff:a.b.c.d.</summary>
    public static DpAddress Encode(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return MemoryMarshal.Read<DpAddress>(bytes);
    }

    /// <summary>The address as people write it.</summary>
    /// <param name="address">As the kernel wrote it.</param>
    /// <param name="ipv6">The family: a mapped IPv6 address on the wire stays one.</param>
    public static IPAddress Decode(DpAddress address, bool ipv6)
    {
        var wide = new IPAddress(MemoryMarshal.AsBytes(new ReadOnlySpan<DpAddress>(in address)));
        return ipv6 || wide.AddressFamily == AddressFamily.InterNetwork ? wide : wide.MapToIPv4();
    }
}
