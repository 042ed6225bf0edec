using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>A row as a key: rows with equal cells are one row.</summary>
internal readonly struct RowContent : IEquatable<RowContent>
{
    private readonly int _hash;

    public RowContent(MatrixRow row)
    {
        Row = row;
        ulong hash = (ulong)row.Runs.Length;
        // A run is eight bytes: hashing is most of what a row costs.
        foreach (ulong run in MemoryMarshal.Cast<CellRun, ulong>(row.Runs.AsSpan()))
        {
            hash = (hash ^ run) * 0x9e3779b97f4a7c15;
            hash ^= hash >> 29;
        }
        _hash = (int)(hash ^ (hash >> 32));
    }

    /// <summary>The row.</summary>
    public MatrixRow Row { get; }

    public bool Equals(RowContent other) => Row.Runs == other.Row.Runs || Row.Runs.AsSpan().SequenceEqual(other.Row.Runs.AsSpan());

    public override bool Equals(object? obj) => obj is RowContent other && Equals(other);

    public override int GetHashCode() => _hash;
}
