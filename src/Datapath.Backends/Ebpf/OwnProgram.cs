namespace Datapath.Backends.Ebpf;

/// <summary>A program of the product, and what the control map that it uses says of it.</summary>
/// <param name="Id">The kernel's id.</param>
/// <param name="Instance">Whose it is.</param>
/// <param name="NetworkNamespace">Inode of the namespace that it is for.</param>
/// <param name="AbiVersion">Version of its layout.</param>
/// <param name="IsExtension">Whether a dispatcher calls it, or did.</param>
internal readonly record struct OwnProgram(uint Id, string Instance, ulong NetworkNamespace, uint AbiVersion, bool IsExtension);
