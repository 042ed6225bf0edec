namespace Datapath.Policy.Rulesets;

/// <summary>An IP network of either family, host bits zero.</summary>
/// <param name="IsIPv6">The family.</param>
/// <param name="Address">The first address in host byte order; IPv4 uses the low 32 bits.</param>
/// <param name="Length">Prefix length in bits: 0 to 32 for IPv4, 0 to 128 for IPv6.</param>
public readonly record struct IpPrefix(bool IsIPv6, UInt128 Address, int Length)
{
    /// <summary>Width of the family's addresses in bits.</summary>
    public int Width => IsIPv6 ? 128 : 32;

    /// <summary>The last address of the network, in host byte order.</summary>
    public UInt128 Last => Address | HostBits(IsIPv6, Length);

    /// <summary>The network of a length that an address lies in.</summary>
    /// <param name="address">Any address of it.</param>
    /// <param name="length">Prefix length in bits, within the family's width.</param>
    public static IpPrefix Around(Inventory.AddressKey address, int length) =>
        new(address.IsIPv6, address.Value & ~HostBits(address.IsIPv6, length), length);

    /// <summary>Whether an address of the same family lies in the network.</summary>
    /// <param name="address">In host byte order.</param>
    public bool Contains(UInt128 address) => address >= Address && address <= Last;

    /// <summary>The network in CIDR notation.</summary>
    public override string ToString() => $"{new Inventory.AddressKey(IsIPv6, Address)}/{Length}";

    // A shift by all 128 bits shifts by none, so /0 and /128 of IPv6 must not meet in one formula.
    private static UInt128 HostBits(bool isIPv6, int length)
    {
        int width = isIPv6 ? 128 : 32;
        return length == width ? UInt128.Zero : UInt128.MaxValue >> (128 - width + length);
    }
}
