namespace Datapath.Interop.Libbpf;

/// <summary>The kinds of map that the datapath or its probes use.</summary>
/// <remarks>Numbers of <c>enum bpf_map_type</c>, linux/bpf.h; other kinds show as their number.</remarks>
public enum BpfMapType
{
    /// <summary>Keys to values.</summary>
    Hash = 1,

    /// <summary>Index to value, all present and zeroed.</summary>
    Array = 2,

    /// <summary>Keys to one value per possible CPU.</summary>
    PerCpuHash = 5,

    /// <summary>Index to one value per possible CPU.</summary>
    PerCpuArray = 6,

    /// <summary>A hash that forgets the least recently used.</summary>
    LruHash = 9,

    /// <summary>The same with one value per possible CPU.</summary>
    LruPerCpuHash = 10,

    /// <summary>Longest prefix match.</summary>
    LongestPrefixTrie = 11,

    /// <summary>Index to map.</summary>
    ArrayOfMaps = 12,

    /// <summary>Key to map.</summary>
    HashOfMaps = 13,

    /// <summary>Values without keys; the last one comes out first.</summary>
    Stack = 23,

    /// <summary>Records from programs to a reader.</summary>
    RingBuffer = 27,
}
