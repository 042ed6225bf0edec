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
