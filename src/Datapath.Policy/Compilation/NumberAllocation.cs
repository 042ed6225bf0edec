using System.Collections;

namespace Datapath.Policy.Compilation;

/// <summary>Numbers things: known ones keep theirs, new ones get the lowest that is free, unused ones retire.</summary>
internal sealed class NumberAllocation<TKey>
    where TKey : notnull
{
    private readonly int _lowest;

    /// <summary>Starts from what was given away before.</summary>
    /// <param name="known">Numbers given away before; not changed.</param>
    /// <param name="retired">Which of them are out of use; not changed.</param>
    /// <param name="lowest">The first number that may be given away.</param>
    public NumberAllocation(Dictionary<TKey, int> known, HashSet<int> retired, int lowest)
    {
        Numbers = known;
        Retired = retired;
        _lowest = lowest;
    }

    /// <summary>The numbers given away: another dictionary as soon as one is new.</summary>
    public Dictionary<TKey, int> Numbers { get; private set; }

    /// <summary>Which of them are out of use: another set as soon as one is different.</summary>
    public HashSet<int> Retired { get; private set; }

    /// <summary>Whether anything is different from before.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>Numbers things.</summary>
    /// <param name="used">What is in use, none twice.</param>
    /// <param name="numbers">Receives the number of each; what is not 0 is known to be its number already.</param>
    public void Allocate(IReadOnlyList<TKey> used, int[] numbers)
    {
        var live = new BitArray(Highest() + 1);
        var added = new List<int>();
        for (int i = 0; i < used.Count; i++)
        {
            if (numbers[i] != 0 || Numbers.TryGetValue(used[i], out numbers[i]))
            {
                live[numbers[i]] = true;
            }
            else
            {
                added.Add(i);
            }
        }
        Retire(live);
        if (added.Count > 0)
        {
            Number(used, added, numbers);
            IsChanged = true;
        }
    }

    private int Highest()
    {
        int highest = 0;
        foreach (int number in Numbers.Values)
        {
            highest = Math.Max(highest, number);
        }
        return highest;
    }

    private void Retire(BitArray live)
    {
        HashSet<int> unused = [];
        foreach (int number in Numbers.Values)
        {
            if (!live[number])
            {
                unused.Add(number);
            }
        }
        if (!unused.SetEquals(Retired))
        {
            Retired = unused;
            IsChanged = true;
        }
    }

    private void Number(IReadOnlyList<TKey> used, List<int> added, int[] numbers)
    {
        Numbers = new Dictionary<TKey, int>(Numbers);
        var taken = new BitArray(Highest() + added.Count + _lowest + 1);
        foreach (int number in Numbers.Values)
        {
            taken[number] = true;
        }
        int next = _lowest;
        foreach (int i in added)
        {
            while (taken[next])
            {
                next++;
            }
            numbers[i] = next;
            Numbers.Add(used[i], next);
            next++;
        }
    }
}
