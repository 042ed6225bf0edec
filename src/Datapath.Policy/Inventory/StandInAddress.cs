namespace Datapath.Policy.Inventory;

/// <summary>Addresses for units whose own are not known, so that they can be asked about: only networks that hold everything contain them.</summary>
/// <remarks>"This network" (RFC 1122, section 3.2.1.3) and the discard prefix (RFC 6666): no packet on a wire comes from there.</remarks>
public static class StandInAddress
{
    private static readonly UInt128 Discard = (UInt128)0x0100 << 112;

    /// <summary>An address of <c>0.0.0.0/8</c>.</summary>
    /// <param name="number">From 0, below 16 million.</param>
    public static AddressKey IPv4(int number) => new(false, (uint)number + 1);

    /// <summary>An address of <c>100::/64</c>.</summary>
    /// <param name="number">From 0.</param>
    public static AddressKey IPv6(int number) => new(true, Discard + (uint)number + 1);

    /// <summary>Whether an address stands for one that is not known.</summary>
    /// <param name="address">Of either family.</param>
    public static bool Is(AddressKey address) =>
        address.IsIPv6 ? address.Value >> 64 == Discard >> 64 : address.Value >> 24 == 0 && address.Value != 0;
}
