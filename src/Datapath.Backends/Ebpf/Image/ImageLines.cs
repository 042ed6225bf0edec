using System.Runtime.InteropServices;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>The lines of a part of an image while it grows.</summary>
/// <param name="expectedWords">Room to begin with, in words: to grow means to copy.</param>
/// <param name="first">The number of its first line in the image.</param>
internal sealed class ImageLines(int expectedWords, int first = 0)
{
    private const int LeastWords = 1 << 16;

    private int _count;
    private uint[] _words = new uint[Math.Max(LeastWords, expectedWords)];

    /// <summary>The number of the line that comes next.</summary>
    public int Count => first + _count;

    /// <summary>Hands out zeroed lines at the end.</summary>
    /// <param name="lines">How many.</param>
    /// <returns>The number of the first.</returns>
    public int Allocate(int lines)
    {
        int next = Count;
        _count = checked(_count + lines);
        long needed = (long)_count * PolicyImage.LineWords;
        if (needed > _words.Length)
        {
            Array.Resize(ref _words, checked((int)Math.Max(needed, Math.Min(_words.Length * 2L, Array.MaxLength))));
        }

        return next;
    }

    /// <summary>Hands out lines for an array.</summary>
    /// <param name="bytes">Size of the array.</param>
    public int AllocateBytes(long bytes) => Allocate(checked((int)((bytes + PolicyImage.LineBytes - 1) / PolicyImage.LineBytes)));

    /// <summary>Everything from the beginning of a line on; valid until the next allocation.</summary>
    /// <param name="line">Where to begin.</param>
    public Span<uint> WordsFrom(int line) => _words.AsSpan((line - first) * PolicyImage.LineWords, (Count - line) * PolicyImage.LineWords);

    /// <summary>The same as 16-bit halves.</summary>
    /// <param name="line">Where to begin.</param>
    public Span<ushort> HalvesFrom(int line) => MemoryMarshal.Cast<uint, ushort>(WordsFrom(line));

    /// <summary>The same as 64-bit words.</summary>
    /// <param name="line">Where to begin.</param>
    public Span<ulong> LongsFrom(int line) => MemoryMarshal.Cast<uint, ulong>(WordsFrom(line));

    /// <summary>Some of the lines, without a copy: nothing may be allocated after this.</summary>
    /// <param name="from">The first.</param>
    /// <param name="to">The line behind the last.</param>
    public ImagePart Part(int from, int to) => new(from, _words.AsMemory((from - first) * PolicyImage.LineWords, (to - from) * PolicyImage.LineWords));

    /// <summary>All lines, without a copy: nothing may be allocated after this.</summary>
    public ReadOnlyMemory<uint> ToMemory() => _words.AsMemory(0, _count * PolicyImage.LineWords);
}
