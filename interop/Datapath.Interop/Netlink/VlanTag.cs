namespace Datapath.Interop.Netlink;

/// <summary>What stands in front of the frames of a VLAN.</summary>
/// <param name="Id">0 to 4094; 0 is a priority and no VLAN.</param>
/// <param name="Protocol">The EtherType of the tag: <see cref="CustomerProtocol"/>, or 0x88a8 for that of a provider.</param>
public sealed record VlanTag(int Id, int Protocol)
{
    /// <summary>802.1Q.</summary>
    public const int CustomerProtocol = 0x8100;
}
