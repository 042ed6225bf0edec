namespace Datapath.Interop.Libbpf;

/// <summary>What a test run of a program gave.</summary>
/// <param name="ReturnValue">The program's own return value.</param>
/// <param name="Packet">The packet afterwards.</param>
/// <param name="Context">The context afterwards; empty when none was given.</param>
/// <param name="DurationNanoseconds">Average of one repetition.</param>
public sealed record TestRun(uint ReturnValue, byte[] Packet, byte[] Context, uint DurationNanoseconds);
