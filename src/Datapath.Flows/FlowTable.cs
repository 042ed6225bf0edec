namespace Datapath.Flows;

/// <summary>The flows that are remembered, in the order in which their intervals end. Grows, and never shrinks; a place that is free is used again.</summary>
internal sealed class FlowTable
{
    /// <summary>No place.</summary>
    public const int None = -1;

    private const int LeastCapacity = 64;

    private Entry[] _entries = new Entry[LeastCapacity];
    private int _used;
    private int _free = None;
    private int _last = None;

    /// <summary>The flow whose interval ends first; <see cref="None"/> when there is none.</summary>
    public int First { get; private set; } = None;

    /// <summary>What stands at a place; valid until the next <see cref="Append"/>.</summary>
    /// <param name="place">As <see cref="Append"/> gave it.</param>
    public ref Entry this[int place] => ref _entries[place];

    /// <summary>Puts a flow at the end.</summary>
    /// <returns>Its place.</returns>
    public int Append(in FlowKey key, FlowEvent flow, TimeSpan due, FlowRate rate)
    {
        int place = TakePlace();
        _entries[place] = new Entry
        {
            Key = key,
            Last = flow,
            Since = flow.Time,
            Total = 1,
            Rate = rate,
        };
        Link(place, due);
        return place;
    }

    /// <summary>Begins another interval.</summary>
    public void MoveToEnd(int place, TimeSpan due)
    {
        Unlink(place);
        Link(place, due);
    }

    /// <summary>Makes the place free, and lets go of what it held.</summary>
    public void Remove(int place)
    {
        Unlink(place);
        _entries[place] = new Entry { Next = _free };
        _free = place;
    }

    private int TakePlace()
    {
        if (_free != None)
        {
            int place = _free;
            _free = _entries[place].Next;
            return place;
        }

        if (_used == _entries.Length)
        {
            Array.Resize(ref _entries, _entries.Length * 2);
        }

        return _used++;
    }

    private void Link(int place, TimeSpan due)
    {
        ref Entry entry = ref _entries[place];
        (entry.Due, entry.Previous, entry.Next) = (due, _last, None);
        if (_last == None)
        {
            First = place;
        }
        else
        {
            _entries[_last].Next = place;
        }

        _last = place;
    }

    private void Unlink(int place)
    {
        (int previous, int next) = (_entries[place].Previous, _entries[place].Next);
        if (previous == None)
        {
            First = next;
        }
        else
        {
            _entries[previous].Next = next;
        }

        if (next == None)
        {
            _last = previous;
        }
        else
        {
            _entries[next].Previous = previous;
        }
    }

    /// <summary>A flow that is remembered.</summary>
    internal struct Entry
    {
        /// <summary>What it is found by.</summary>
        public FlowKey Key;

        /// <summary>The latest event.</summary>
        public FlowEvent Last;

        /// <summary>Time of the first event since it is remembered.</summary>
        public DateTimeOffset Since;

        /// <summary>Time of the first event that is not reported yet.</summary>
        public DateTimeOffset FirstRepeat;

        /// <summary>Events that are not reported yet.</summary>
        public long Repeats;

        /// <summary>Events that are.</summary>
        public long Total;

        /// <summary>What was carried and is not reported yet.</summary>
        public FlowCarried Carried;

        /// <summary>When the last of that was seen.</summary>
        public DateTimeOffset CarriedAt;

        /// <summary>How often it happens.</summary>
        public FlowRate Rate;

        /// <summary>When its interval ends.</summary>
        public TimeSpan Due;

        /// <summary>The place of the one whose interval ends before.</summary>
        public int Previous;

        /// <summary>The place of the one whose interval ends after.</summary>
        public int Next;
    }
}
