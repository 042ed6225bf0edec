using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>The numbers that cover the current position of a sweep, ascending; a number may cover it more than once.</summary>
internal sealed class ActiveSet
{
    private readonly List<int> _numbers = [];
    private readonly List<int> _times = [];

    public ReadOnlySpan<int> Numbers => CollectionsMarshal.AsSpan(_numbers);

    public void Enter(int number)
    {
        int at = _numbers.BinarySearch(number);
        if (at >= 0)
        {
            _times[at]++;
            return;
        }
        _numbers.Insert(~at, number);
        _times.Insert(~at, 1);
    }

    public void Leave(int number)
    {
        int at = _numbers.BinarySearch(number);
        if (--_times[at] == 0)
        {
            _numbers.RemoveAt(at);
            _times.RemoveAt(at);
        }
    }
}
