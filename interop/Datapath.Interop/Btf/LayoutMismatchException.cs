namespace Datapath.Interop.Btf;

/// <summary>The object in use was not built from the headers that this program's structs were generated from.</summary>
/// <param name="message">Which struct, enum or map, and what differs.</param>
public sealed class LayoutMismatchException(string message) : Exception(message);
