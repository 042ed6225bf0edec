namespace Datapath.Interop.Btf;

/// <summary>A named value of an enum.</summary>
/// <param name="Name">As in the source.</param>
/// <param name="Value">Sign-extended when the enum is signed.</param>
public sealed record BtfEnumerator(string Name, long Value);
