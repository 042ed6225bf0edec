using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>
/// A compiled policy as the kernel reads it: 64-byte lines that refer to each other by line number from the first, so that the same bytes
/// work wherever they are written.
/// </summary>
public sealed class PolicyImage
{
    /// <summary>Bytes of a line, a cache line; <c>DP_LINE_BYTES</c>.</summary>
    public const int LineBytes = 64;

    /// <summary>Words of a line.</summary>
    public const int LineWords = LineBytes / sizeof(uint);

    private uint[]? _words;

    /// <summary>Puts it together.</summary>
    /// <param name="policy">What it says.</param>
    /// <param name="addresses">The address tries, at the beginning.</param>
    /// <param name="parts">Everything else, behind the tries and not always directly: a patch of the tries or null, ports, rows, matrix.</param>
    /// <param name="layout">Where in the lines what begins.</param>
    internal PolicyImage(CompiledPolicy policy, AddressLines addresses, (ImagePart? Patch, ImagePart Ports, RowLines Rows, ImagePart Matrix) parts, ImageLayout layout)
    {
        (Policy, Addresses, Layout) = (policy, addresses, layout);
        (Patch, Ports, Rows, Matrix) = parts;
        Parts = Patch is null ? [Ports, Rows.Part, Matrix] : [Patch, Ports, Rows.Part, Matrix];
        Written = Parts;
    }

    /// <summary>Whether the address tries, and perhaps more, are those of another image, which is in kernel memory.</summary>
    internal bool IsShared => Beside is not null;

    /// <summary>Stands for the image that it takes lines over from; null for one of its own.</summary>
    internal object? Beside { get; init; }

    /// <summary>Stands for this image in <see cref="Beside"/> of others, which do not keep it alive.</summary>
    internal object Token { get; } = new();

    /// <summary>Where in the lines what begins.</summary>
    public ImageLayout Layout { get; }

    /// <summary>The lines as one, sixteen 32-bit words each, in host byte order.</summary>
    /// <remarks>A copy, made when it is first asked for.</remarks>
    public ReadOnlyMemory<uint> Words => _words ??= Joined();

    /// <summary>Lines that it consists of.</summary>
    public int Lines => Addresses.Lines + Parts.Sum(part => part.Lines);

    /// <summary>Size in kernel memory, in bytes.</summary>
    public long Bytes => (long)Lines * LineBytes;

    /// <summary>Lines from its first to its last; those between its parts are not its own.</summary>
    internal int Span => Parts.Max(part => part.End);

    /// <summary>What it says.</summary>
    internal CompiledPolicy Policy { get; }

    /// <summary>The form that its rows were to have.</summary>
    internal RowForm? WantedRows { get; init; }

    /// <summary>The address tries, from line 0 on.</summary>
    internal AddressLines Addresses { get; }

    /// <summary>What differs from the tries; null when nothing does.</summary>
    internal ImagePart? Patch { get; }

    /// <summary>The classes of ports.</summary>
    internal ImagePart Ports { get; }

    /// <summary>The rows of the matrix, or most of them.</summary>
    internal RowLines Rows { get; }

    /// <summary>The other rows, tables of rows, units and descriptors.</summary>
    internal ImagePart Matrix { get; }

    /// <summary>Everything but the tries.</summary>
    internal ImmutableArray<ImagePart> Parts { get; }

    /// <summary>Those of the parts that are written for it: all, unless it takes some over.</summary>
    internal ImmutableArray<ImagePart> Written { get; init; }

    /// <summary>Sums over what the parts say.</summary>
    internal ImageSums Sums { get; init; }

    /// <summary>A sum over what the image says, wherever its parts are: it tells an unchanged policy.</summary>
    public ulong Checksum() => Sums.Whole;

    private uint[] Joined()
    {
        var words = new uint[Span * LineWords];
        Addresses.Words.CopyTo(words);
        foreach (ImagePart part in Parts)
        {
            part.Words.CopyTo(words.AsMemory(part.Line * LineWords));
        }

        return words;
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
