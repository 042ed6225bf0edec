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
    /// <remarks>Ones shifted away from the left: a single one shifted by all 128 bits of <c>::/0</c> would come round again and give no host bits at all.</remarks>
    public UInt128 Last => Address | (Length == Width ? UInt128.Zero : UInt128.MaxValue >> (128 - (Width - Length)));

    /// <summary>Whether an address of the same family lies in the network.</summary>
    /// <param name="address">In host byte order.</param>
    public bool Contains(UInt128 address) => address >= Address && address <= Last;

    /// <summary>The network in CIDR notation.</summary>
    public override string ToString() => $"{new Inventory.AddressKey(IsIPv6, Address)}/{Length}";
}
