namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// A compiled policy as the kernel reads it: 64-byte lines that refer to each other by line number from the first, so that the same bytes
/// work wherever they are written.
/// </summary>
/// <param name="Words">The lines, sixteen 32-bit words each, in host byte order.</param>
/// <param name="Layout">Where in the lines what begins.</param>
public sealed record PolicyImage(ReadOnlyMemory<uint> Words, ImageLayout Layout)
{
    /// <summary>Bytes of a line, a cache line; <c>DP_LINE_BYTES</c>.</summary>
    public const int LineBytes = 64;

    /// <summary>Words of a line.</summary>
    public const int LineWords = LineBytes / sizeof(uint);

    private ulong? _checksum;

    /// <summary>Length in lines.</summary>
    public int Lines => Words.Length / LineWords;

    /// <summary>Size in kernel memory, in bytes.</summary>
    public long Bytes => (long)Lines * LineBytes;

    /// <summary>FNV-1a over the image, by words: what read-back compares, and what tells an unchanged policy.</summary>
    public ulong Checksum() => _checksum ??= Checksum(Words.Span);

    /// <summary>The same sum over words that were read back from the kernel.</summary>
    /// <param name="words">The lines as read.</param>
    public static ulong Checksum(ReadOnlySpan<uint> words)
    {
        const ulong OffsetBasis = 0xcbf29ce484222325;
        const ulong Prime = 0x100000001b3;
        ulong sum = OffsetBasis;
        foreach (uint word in words)
        {
            sum = (sum ^ word) * Prime;
        }

        return sum;
    }
}

/// <summary>Where in an image what begins, in lines from its first; see <c>struct dp_generation</c>.</summary>
/// <param name="IPv4Root">65,536 entries of 32 bits, by the first 16 bits of the address.</param>
/// <param name="IPv6Root">The same for IPv6.</param>
/// <param name="Ports">For each <see cref="Datapath.Policy.Compilation.PortTable"/> its port classes, 16 bits each.</param>
/// <param name="Units">Sixteen bytes for each unit number.</param>
/// <param name="UnitCount">One more than the highest unit number.</param>
/// <param name="Descriptors">Sixteen bytes for each cell value; cell 0 has none.</param>
/// <param name="LocalDescriptor">The cell value of "a unit with itself".</param>
/// <param name="Rows">Where the rows of the verdict matrix begin.</param>
/// <param name="Form">How rows are to be read.</param>
/// <param name="RowBytes">What the rows take; which peer class has which row is not counted.</param>
public sealed record ImageLayout(
    int IPv4Root,
    int IPv6Root,
    IReadOnlyList<int> Ports,
    int Units,
    int UnitCount,
    int Descriptors,
    int LocalDescriptor,
    int Rows,
    RowForm Form,
    long RowBytes
);
