using System.Net;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>Prefixes as the programs read them.</summary>
internal static class AddressText
{
    /// <summary>Such as <c>10.1.0.0/16</c>.</summary>
    /// <param name="prefix">The prefix.</param>
    /// <param name="family">Of which addresses.</param>
    public static string Of(ClassPrefix prefix, Family family)
    {
        Span<byte> bytes = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, prefix.Address);
        return $"{new IPAddress(family.IsIPv6 ? bytes : bytes[12..])}/{prefix.Length}";
    }
}
