using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Records;

/// <summary>Flow events by namespace and verdict. One writer, any number of readers.</summary>
internal sealed class FlowTotals
{
    private readonly Lock _turn = new();
    private readonly Dictionary<(string Namespace, Verdict Verdict), long> _totals = [];

    /// <summary>What was counted since the agent started, in a fixed order.</summary>
    public ImmutableArray<(string Namespace, Verdict Verdict, long Count)> Current
    {
        get
        {
            lock (_turn)
            {
                return [.. _totals.Select(one => (one.Key.Namespace, one.Key.Verdict, one.Value)).OrderBy(one => one.Namespace, StringComparer.Ordinal).ThenBy(one => one.Verdict)];
            }
        }
    }

    /// <summary>Counts an event.</summary>
    /// <param name="flow">The event.</param>
    /// <param name="names">Whose unit it was.</param>
    public void Count(FlowEvent flow, FlowNames names)
    {
        lock (_turn)
        {
            (string, Verdict) key = (names.UnitNamespace(flow.Unit), flow.Verdict);
            _totals[key] = _totals.GetValueOrDefault(key) + 1;
        }
    }
}
