using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>Lowers a compiled policy to the bytes that <c>bpf/lib/policy.h</c> walks. Pure: no kernel is asked.</summary>
public static class PolicyImageEncoder
{
    /// <summary>Writes the image of a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="rows">The form of its rows; null for the one that suits their size. What cannot be dense is compressed all the same.</param>
    /// <param name="memory">What earlier images of the same owner left; null to start from nothing.</param>
    /// <returns>Equal policies give equal bytes, whatever was remembered.</returns>
    public static PolicyImage Encode(CompiledPolicy policy, RowForm? rows = null, ImageMemory? memory = null) => Encode(policy, rows, memory, live: null);

    /// <summary>The same where an earlier image is in kernel memory, most of which the policy may have in common with it.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="rows">The form of its rows.</param>
    /// <param name="memory">What earlier images left.</param>
    /// <param name="live">The earlier image; null when there is none.</param>
    /// <returns>An image beside the earlier one, or one of its own where they have too little in common or there is no room beside.</returns>
    internal static PolicyImage Encode(CompiledPolicy policy, RowForm? rows, ImageMemory? memory, LiveImage? live)
    {
        ArgumentNullException.ThrowIfNull(policy);
        memory ??= new ImageMemory();
        return (live is null ? null : EncodeBeside(policy, rows, live)) ?? EncodeWhole(policy, rows, memory);
    }

    private static PolicyImage EncodeWhole(CompiledPolicy policy, RowForm? rows, ImageMemory memory)
    {
        AddressLines addresses = memory.Addresses(policy.Peers);
        var lines = new ImageLines(memory.RuleWords, addresses.Lines);
        int[] ports = PortsEncoder.Encode(lines, policy.Ports);
        int firstOfMatrix = lines.Count;
        EncodedMatrix matrix = MatrixEncoder.Encode(lines, policy, rows, known: null);
        memory.RuleWords = (lines.Count - addresses.Lines) * PolicyImage.LineWords;
        return new PolicyImage(
            policy,
            addresses,
            (null, lines.Part(addresses.Lines, firstOfMatrix), RowsOf(lines, policy, matrix), lines.Part(matrix.EndOfRows, lines.Count)),
            matrix.Layout with { IPv4Root = addresses.IPv4Root, IPv6Root = addresses.IPv6Root, Ports = ports }
        )
        {
            WantedRows = rows,
            Sums = new ImageSums(addresses.Sum, ContentSum.Of(policy.Ports), ContentSum.OfMatrix(policy, matrix.Layout.Form)),
        };
    }

    /// <summary>Only what the earlier image does not say already.</summary>
    private static PolicyImage? EncodeBeside(CompiledPolicy policy, RowForm? rows, LiveImage live)
    {
        PolicyImage before = live.Image;
        if (ImageChange.Between(before, policy, rows) is not { } change || live.Place(ExpectedLines(before, change)) is not { } first)
        {
            return null;
        }

        AddressLines addresses = before.Addresses;
        var lines = new ImageLines(ExpectedLines(before, change) * PolicyImage.LineWords, first);
        int ip4Root =
            change.KeepsAddresses ? before.Layout.IPv4Root
            : change.IsPatched ? TrieEncoder.Patch(lines, addresses.IPv4RootWords, policy.Peers.IPv4, change.Addresses.Slots)
            : addresses.IPv4Root;
        int firstOfPorts = lines.Count;
        IReadOnlyList<int> ports = change.KeepsPorts ? before.Layout.Ports : PortsEncoder.Encode(lines, policy.Ports);
        int firstOfMatrix = lines.Count;
        EncodedMatrix? matrix = change.KeepsMatrix ? null : MatrixEncoder.Encode(lines, policy, rows, change.Rows);
        ImageLayout layout = matrix?.Layout ?? before.Layout;
        ImagePart? patch = change.KeepsAddresses ? before.Patch : change.IsPatched ? lines.Part(first, firstOfPorts) : null;
        ImagePart portsPart = change.KeepsPorts ? before.Ports : lines.Part(firstOfPorts, firstOfMatrix);
        RowLines rowLines = matrix is null || change.Rows is not null ? before.Rows : RowsOf(lines, policy, matrix);
        ImagePart matrixPart = matrix is null ? before.Matrix : lines.Part(change.Rows is null ? matrix.EndOfRows : firstOfMatrix, lines.Count);
        return new PolicyImage(
            policy,
            addresses,
            (patch, portsPart, rowLines, matrixPart),
            layout with { IPv4Root = ip4Root, IPv6Root = addresses.IPv6Root, Ports = ports }
        )
        {
            Beside = before.Token,
            WantedRows = rows,
            Written = [.. new[] { patch, portsPart, rowLines.Part, matrixPart }.OfType<ImagePart>().Where(part => !before.Parts.Contains(part, ReferenceEqualityComparer.Instance))],
            Sums = new ImageSums(
                change.KeepsAddresses ? before.Sums.Addresses : unchecked(addresses.Sum + change.Addresses.Sum),
                change.KeepsPorts ? before.Sums.Ports : ContentSum.Of(policy.Ports),
                change.KeepsMatrix ? before.Sums.Matrix : ContentSum.OfMatrix(policy, layout.Form)
            ),
        };
    }

    private static RowLines RowsOf(ImageLines lines, CompiledPolicy policy, EncodedMatrix matrix) =>
        new(lines.Part(matrix.FirstRow, matrix.EndOfRows), matrix.Layout.Form, policy.Rows, matrix.Entries);

    private static int ExpectedLines(PolicyImage before, ImageChange change) =>
        (change.IsPatched ? TrieEncoder.ExpectedPatchLines(change.Addresses.Slots.Count) : 0)
        + (change.KeepsPorts ? 0 : PortsEncoder.Lines)
        + (change.KeepsMatrix ? 0 : ExpectedLinesOfMatrix(before, change.Rows));

    private static int ExpectedLinesOfMatrix(PolicyImage before, KnownRows? rows)
    {
        int linesOfRow = 1 + (before.Rows.Part.Lines / Math.Max(1, before.Policy.Rows.Length));
        int lines = before.Matrix.Lines + (rows is null ? before.Rows.Part.Lines : rows.New.Count * linesOfRow);
        return lines + (lines / 8);
    }
}
