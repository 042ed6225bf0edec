using System.Collections.Immutable;

namespace Datapath.Interop.Libbpf;

/// <summary>What the kernel tells about a program.</summary>
public sealed record ProgramDescription
{
    /// <summary>The kernel's id.</summary>
    public required uint Id { get; init; }

    /// <summary>A number of <c>enum bpf_prog_type</c>.</summary>
    public required uint Type { get; init; }

    /// <summary>The first 15 bytes of the function's name.</summary>
    public required string Name { get; init; }

    /// <summary>Hash of the instructions, 16 hexadecimal digits.</summary>
    public required string Tag { get; init; }

    /// <summary>Maps the program uses.</summary>
    public required ImmutableArray<uint> MapIds { get; init; }

    /// <summary>Instructions the verifier walked; 0 before Linux 5.16.</summary>
    public required uint VerifiedInstructions { get; init; }

    /// <summary>Size of the program after the verifier, in bytes; 8 an instruction.</summary>
    public required uint TranslatedBytes { get; init; }

    /// <summary>Runs counted while <c>kernel.bpf_stats_enabled</c> was on.</summary>
    public required ulong RunCount { get; init; }

    /// <summary>Time of those runs.</summary>
    public required ulong RunTimeNanoseconds { get; init; }

    /// <summary>When it was loaded, counted from boot.</summary>
    public required TimeSpan LoadedAfterBoot { get; init; }
}
