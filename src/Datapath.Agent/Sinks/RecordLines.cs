using System.Buffers;

namespace Datapath.Agent.Sinks;

/// <summary>Cuts what comes out of a pipe into lines.</summary>
internal static class RecordLines
{
    /// <summary>How many lines there are.</summary>
    /// <param name="lines">Whole lines.</param>
    public static long Count(ReadOnlySequence<byte> lines)
    {
        long count = 0;
        foreach (ReadOnlyMemory<byte> part in lines)
        {
            count += part.Span.Count((byte)'\n');
        }

        return count;
    }

    /// <summary>Takes the first line, without its line feed.</summary>
    /// <param name="lines">Lines; shortened by the one that is taken.</param>
    /// <param name="line">The line.</param>
    /// <returns>False when there is no whole line.</returns>
    public static bool TryTake(ref ReadOnlySequence<byte> lines, out ReadOnlySequence<byte> line)
    {
        if (lines.PositionOf((byte)'\n') is not { } end)
        {
            line = default;
            return false;
        }

        line = lines.Slice(0, end);
        lines = lines.Slice(lines.GetPosition(1, end));
        return true;
    }

    /// <summary>The first lines, as many as fit; at least one.</summary>
    /// <param name="lines">Whole lines, at least one.</param>
    /// <param name="bytes">How much fits.</param>
    public static ReadOnlySequence<byte> Fitting(ReadOnlySequence<byte> lines, long bytes)
    {
        if (lines.Length <= bytes)
        {
            return lines;
        }

        ReadOnlySequence<byte> rest = lines;
        SequencePosition end = lines.Start;
        while (TryTake(ref rest, out _) && (end.Equals(lines.Start) || lines.Slice(lines.Start, rest.Start).Length <= bytes))
        {
            end = rest.Start;
        }

        return lines.Slice(lines.Start, end);
    }
}
