namespace Datapath.Bindgen.Model;

/// <summary>A BPF map as the object declares it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Key">Type of its keys, or null when it has none, as a ring buffer.</param>
/// <param name="Value">Type of its values, or null.</param>
internal sealed record CMap(string Name, CType? Key, CType? Value);
