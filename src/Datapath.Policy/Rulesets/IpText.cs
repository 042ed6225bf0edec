using System.Buffers.Binary;
using System.Net;

namespace Datapath.Policy.Rulesets;

/// <summary>Addresses and networks as text, read strictly: what another program might read as a different address is refused.</summary>
public static class IpText
{
    /// <summary>Reads an address of either family: a dotted quad without leading zeros, or IPv6 without zone, brackets or an embedded IPv4 network.</summary>
    /// <param name="text">The address alone.</param>
    /// <param name="address">As a network of full length.</param>
    public static bool TryParseAddress(ReadOnlySpan<char> text, out IpPrefix address) =>
        text.Contains(':') ? TryParseIPv6(text, out address) : TryParseIPv4(text, out address);

    /// <summary>Reads a network in CIDR form and masks its host bits away.</summary>
    /// <param name="text">Address, <c>/</c> and the length in bits.</param>
    /// <param name="network">The network.</param>
    public static bool TryParseNetwork(ReadOnlySpan<char> text, out IpPrefix network)
    {
        network = default;
        int slash = text.IndexOf('/');
        if (slash < 0 || !TryParseAddress(text[..slash], out IpPrefix address) || !TryParseDecimal(text[(slash + 1)..], address.Width, out int length))
        {
            return false;
        }

        network = Masked(address, length);
        return true;
    }

    /// <summary>The network of a length that an address lies in.</summary>
    /// <param name="address">Any address of it.</param>
    /// <param name="length">0 to the family's width.</param>
    public static IpPrefix Masked(IpPrefix address, int length)
    {
        int hostBits = address.Width - length;
        // A shift by the full 128 bits would be taken modulo 128 and mask nothing.
        UInt128 masked = hostBits == 128 ? UInt128.Zero : (address.Address >> hostBits) << hostBits;
        return new IpPrefix(address.IsIPv6, masked, length);
    }

    /// <summary>The address as the platform's own type.</summary>
    /// <param name="address">A network of full length.</param>
    public static IPAddress ToIPAddress(IpPrefix address)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address.Address);
        return new IPAddress(address.IsIPv6 ? bytes : bytes[12..]);
    }

    private static bool TryParseIPv4(ReadOnlySpan<char> text, out IpPrefix address)
    {
        address = default;
        uint value = 0;
        int parts = 0;
        foreach (Range part in text.Split('.'))
        {
            if (++parts > 4 || !TryParseDecimal(text[part], highest: 255, out int octet))
            {
                return false;
            }

            value = (value << 8) | (uint)octet;
        }

        address = new IpPrefix(IsIPv6: false, value, 32);
        return parts == 4;
    }

    private static bool TryParseIPv6(ReadOnlySpan<char> text, out IpPrefix address)
    {
        address = default;
        // The platform also takes zones, brackets with ports, and a prefix length; none of them is an address in a policy.
        if (text.ContainsAny("%[]/ ") || !IPAddress.TryParse(text, out IPAddress? parsed) || parsed.IsIPv4MappedToIPv6)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[16];
        parsed.TryWriteBytes(bytes, out _);
        address = new IpPrefix(IsIPv6: true, BinaryPrimitives.ReadUInt128BigEndian(bytes), 128);
        return true;
    }

    /// <summary>Up to three digits without a leading zero.</summary>
    private static bool TryParseDecimal(ReadOnlySpan<char> text, int highest, out int number)
    {
        number = 0;
        if (text.Length is 0 or > 3 || (text.Length > 1 && text[0] == '0'))
        {
            return false;
        }

        foreach (char digit in text)
        {
            if (!char.IsAsciiDigit(digit))
            {
                return false;
            }

            number = (number * 10) + (digit - '0');
        }

        return number <= highest;
    }
}
