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

    private readonly ulong _checksum;
    private uint[]? _words;

    /// <summary>Puts it together.</summary>
    /// <param name="addresses">The address tries, at the beginning.</param>
    /// <param name="rules">Everything else.</param>
    /// <param name="rulesLine">The line that <paramref name="rules"/> begin at; behind the tries, not always directly.</param>
    /// <param name="layout">Where in the lines what begins.</param>
    /// <param name="checksum">What tells the policy from others.</param>
    internal PolicyImage(AddressLines addresses, ReadOnlyMemory<uint> rules, int rulesLine, ImageLayout layout, ulong checksum) =>
        (Addresses, Rules, RulesLine, Layout, _checksum) = (addresses, rules, rulesLine, layout, checksum);

    /// <summary>Whether it is made for the address tries that a live generation has in kernel memory, and a place that was free there.</summary>
    internal bool IsShared { get; init; }

    /// <summary>Where in the lines what begins.</summary>
    public ImageLayout Layout { get; }

    /// <summary>The lines as one, sixteen 32-bit words each, in host byte order.</summary>
    /// <remarks>A copy, made when it is first asked for.</remarks>
    public ReadOnlyMemory<uint> Words => _words ??= Joined();

    /// <summary>Lines that are written for it.</summary>
    public int Lines => Addresses.Lines + RuleLines;

    /// <summary>Size in kernel memory, in bytes.</summary>
    public long Bytes => (long)Lines * LineBytes;

    /// <summary>The address tries, from line 0 on.</summary>
    internal AddressLines Addresses { get; }

    /// <summary>Ports, rows, units and descriptors, and what differs from the tries.</summary>
    internal ReadOnlyMemory<uint> Rules { get; }

    /// <summary>Where <see cref="Rules"/> begin.</summary>
    internal int RulesLine { get; }

    /// <summary>Length of <see cref="Rules"/>.</summary>
    internal int RuleLines => Rules.Length / LineWords;

    /// <summary>A sum over what the image says, wherever its parts are: it tells an unchanged policy.</summary>
    public ulong Checksum() => _checksum;

    private uint[] Joined()
    {
        var words = new uint[(RulesLine * LineWords) + Rules.Length];
        Addresses.Words.CopyTo(words);
        Rules.CopyTo(words.AsMemory(RulesLine * LineWords));
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
