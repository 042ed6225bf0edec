using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>The distinct rule lists of the judged units: units with equal effective rules share them.</summary>
internal sealed class UnitDirections
{
    private readonly SequenceTable _directions = new();
    private readonly SequenceTable _policies = new();
    private readonly List<DirectionRules> _distinct = [];
    private readonly List<(int Incoming, int Outgoing)> _pairs = [];

    public UnitDirections(ResolvedPolicy policy, DirectionOrder order)
    {
        PolicyOfUnit = new int[policy.Units.Length];
        for (int i = 0; i < policy.Units.Length; i++)
        {
            if (!policy.Units[i].IsJudged)
            {
                PolicyOfUnit[i] = -1;
                continue;
            }
            int incoming = Number(policy.Units[i], Direction.Incoming, order);
            int outgoing = Number(policy.Units[i], Direction.Outgoing, order);
            PolicyOfUnit[i] = _policies.Intern([incoming, outgoing], out bool isNew);
            if (isNew)
            {
                _pairs.Add((incoming, outgoing));
            }
        }
    }

    /// <summary>The distinct rule lists of a direction.</summary>
    public IReadOnlyList<DirectionRules> Distinct => _distinct;

    /// <summary>The distinct policies, each as the numbers of its two rule lists.</summary>
    public IReadOnlyList<(int Incoming, int Outgoing)> Policies => _pairs;

    /// <summary>For each unit the number of its policy, -1 when it is not judged.</summary>
    public int[] PolicyOfUnit { get; }

    private int Number(ResolvedUnit unit, Direction direction, DirectionOrder order)
    {
        int number = _directions.Intern(order.Key(unit, direction), out bool isNew);
        if (isNew)
        {
            _distinct.Add(order.Rules(unit, direction));
        }
        return number;
    }
}
