namespace Datapath.Interop.Btf;

/// <summary>What the entries of a map are, as the object that made the map had it.</summary>
/// <param name="Types">The types of that object.</param>
/// <param name="Key">The type of a key.</param>
/// <param name="Value">The type of a value.</param>
public sealed record MapTypes(BtfTypes Types, BtfType Key, BtfType Value);
