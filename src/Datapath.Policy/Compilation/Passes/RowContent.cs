using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>A row as a key: rows with equal cells are one row.</summary>
internal readonly struct RowContent : IEquatable<RowContent>
{
    private readonly int _hash;

    public RowContent(ImmutableArray<ushort> cells)
    {
        Cells = cells;
        ulong hash = (ulong)cells.Length;
        // Four cells at a time: hashing is most of what a row costs.
        ReadOnlySpan<ushort> all = cells.AsSpan();
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<ushort, ulong>(all);
        foreach (ulong word in words)
        {
            hash = (hash ^ word) * 0x9e3779b97f4a7c15;
            hash ^= hash >> 29;
        }
        foreach (ushort cell in all[(words.Length * 4)..])
        {
            hash = (hash ^ cell) * 0x9e3779b97f4a7c15;
        }
        _hash = (int)(hash ^ (hash >> 32));
    }

    /// <summary>The cells of the row.</summary>
    public ImmutableArray<ushort> Cells { get; }

    public bool Equals(RowContent other) => Cells == other.Cells || Cells.AsSpan().SequenceEqual(other.Cells.AsSpan());

    public override bool Equals(object? obj) => obj is RowContent other && Equals(other);

    public override int GetHashCode() => _hash;
}
