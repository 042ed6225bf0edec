using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>The numbers by which the kernel knows rules and units, from one policy and one agent to the next.</summary>
/// <param name="store">Where they outlive the agent.</param>
/// <param name="report">Told what goes wrong with them.</param>
/// <param name="clock">Says how long a number has been out of use.</param>
internal sealed class RuleNumbers(RuleIndexStore store, PolicyLoopReport report, TimeProvider clock)
{
    private RetiredNumbers _retired = RetiredNumbers.None;

    // Events of days ago may wait in the kernel for an agent that has only just started, and their numbers must still have their names.
    private bool _hasApplied;

    /// <summary>The numbers given away so far.</summary>
    public RuleIndexes Current { get; private set; } = RuleIndexes.Empty;

    /// <summary>Takes up what an earlier agent has left.</summary>
    public void Load()
    {
        Current = store.Load(out string? problem);
        if (problem is not null)
        {
            report.RuleNumbersLost(problem);
        }

        _retired = store.LoadRetired().StillIn(Current);
    }

    /// <summary>Takes the numbers of a policy that is about to be applied.</summary>
    /// <param name="indexes">As the compiler left them.</param>
    /// <remarks>Saved before they are used: numbers that the kernel knows and the disk does not would mean other rules after a restart.</remarks>
    public void Use(RuleIndexes indexes)
    {
        Current = indexes;
        Save(() => store.Save(indexes));
    }

    /// <summary>Notes what the policy that now is in force has put out of use.</summary>
    public void NoteApplied()
    {
        _hasApplied = true;
        _retired = _retired.After(Current, clock.GetUtcNow());
        Save(() => store.Save(_retired));
    }

    /// <summary>Lets the numbers that nothing in the kernel can carry any more be given away again.</summary>
    /// <param name="zero">Zeroes the counters of these rules, before anybody else may have their numbers.</param>
    public void ReleaseOld(Action<ImmutableArray<int>> zero)
    {
        DateTimeOffset now = clock.GetUtcNow();
        ImmutableArray<int> rules = _retired.RulesDue(now);
        ImmutableArray<int> units = _retired.UnitsDue(now);
        if (!_hasApplied || (rules.IsEmpty && units.IsEmpty))
        {
            return;
        }

        zero(rules);
        Current = Current.Release(rules, units);
        _retired = _retired.StillIn(Current);
        Save(() => store.Save(Current));
        Save(() => store.Save(_retired));
    }

    private void Save(Action write)
    {
        try
        {
            write();
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            // A full disk must not keep a policy from being enforced.
            report.RuleNumbersNotSaved(refusal.Message);
        }
    }
}
