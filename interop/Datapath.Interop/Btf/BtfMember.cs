namespace Datapath.Interop.Btf;

/// <summary>A member of a struct or union.</summary>
/// <param name="Name">Empty for an unnamed struct or union inside.</param>
/// <param name="TypeId">Its type.</param>
/// <param name="OffsetBits">From the start of the struct; a multiple of 8 unless it is a bit-field.</param>
/// <param name="WidthBits">Width of a bit-field; 0 for other members.</param>
public sealed record BtfMember(string Name, int TypeId, int OffsetBits, int WidthBits);
