namespace Datapath.Interop.Libbpf;

/// <summary>What the kernel tells about a map.</summary>
public sealed record MapDescription
{
    /// <summary>The kernel's id.</summary>
    public required uint Id { get; init; }

    /// <summary>The kind of map; a number without a name for kinds the datapath does not use.</summary>
    public required BpfMapType Type { get; init; }

    /// <summary>The first 15 bytes of the name.</summary>
    public required string Name { get; init; }

    /// <summary>Size of a key in bytes.</summary>
    public required int KeyBytes { get; init; }

    /// <summary>Size of a value in bytes.</summary>
    public required int ValueBytes { get; init; }

    /// <summary>Capacity in entries; in bytes for a ring buffer.</summary>
    public required uint MaxEntries { get; init; }

    /// <summary>BPF_F_* flags of linux/bpf.h.</summary>
    public required uint Flags { get; init; }
}
