using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>Numbers sequences of integers: equal ones get one number, in the order in which they come.</summary>
/// <remarks>A hash finds candidates, the contents decide: a collision costs time and never merges two sequences.</remarks>
internal sealed class SequenceTable
{
    private readonly Dictionary<ulong, int> _firstOfHash = [];
    private readonly List<int[]> _sequences = [];
    private readonly List<int> _nextOfHash = [];

    public int Count => _sequences.Count;

    public int[] this[int number] => _sequences[number];

    /// <summary>Whether another table has the same sequences by the same numbers.</summary>
    public bool HasSame(SequenceTable other)
    {
        if (Count != other.Count)
        {
            return false;
        }
        for (int i = 0; i < Count; i++)
        {
            if (!_sequences[i].AsSpan().SequenceEqual(other._sequences[i]))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The number of a sequence; null when it has none.</summary>
    public int? Find(ReadOnlySpan<int> sequence)
    {
        for (int i = _firstOfHash.GetValueOrDefault(Hash(sequence), -1); i >= 0; i = _nextOfHash[i])
        {
            if (sequence.SequenceEqual(_sequences[i]))
            {
                return i;
            }
        }
        return null;
    }

    public int Intern(ReadOnlySpan<int> sequence) => Intern(sequence, out _);

    public int Intern(ReadOnlySpan<int> sequence, out bool isNew)
    {
        ulong hash = Hash(sequence);
        ref int first = ref CollectionsMarshal.GetValueRefOrAddDefault(_firstOfHash, hash, out bool isKnown);
        for (int i = isKnown ? first : -1; i >= 0; i = _nextOfHash[i])
        {
            if (sequence.SequenceEqual(_sequences[i]))
            {
                isNew = false;
                return i;
            }
        }
        _nextOfHash.Add(isKnown ? first : -1);
        _sequences.Add(sequence.ToArray());
        first = _sequences.Count - 1;
        isNew = true;
        return first;
    }

    private static ulong Hash(ReadOnlySpan<int> sequence)
    {
        ulong hash = (ulong)sequence.Length;
        foreach (int one in sequence)
        {
            hash = (hash ^ (uint)one) * 0x9e3779b97f4a7c15;
            hash ^= hash >> 29;
        }
        return hash;
    }
}
