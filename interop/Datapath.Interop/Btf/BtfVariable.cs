namespace Datapath.Interop.Btf;

/// <summary>A global variable in its section.</summary>
/// <param name="Name">As in the source.</param>
/// <param name="TypeId">Its type, with qualifiers.</param>
/// <param name="OffsetBytes">From the start of the section. Compilers leave 0 here; libbpf fills it in when it opens the object.</param>
/// <param name="SizeBytes">Its size.</param>
public sealed record BtfVariable(string Name, int TypeId, int OffsetBytes, int SizeBytes);
