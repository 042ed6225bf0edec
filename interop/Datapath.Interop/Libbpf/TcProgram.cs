namespace Datapath.Interop.Libbpf;

/// <summary>A program that is attached at tc.</summary>
/// <param name="Mechanism">By which way.</param>
/// <param name="ProgramId">The kernel's id; ask <see cref="BpfProgram.OpenById"/> for more.</param>
public sealed record TcProgram(TcMechanism Mechanism, uint ProgramId);
