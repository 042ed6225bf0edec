using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Tests.Support;

namespace Datapath.Shared.Oracle;

/// <summary>A policy to be asked again and again: the evaluator, with a memory of its answers.</summary>
internal sealed class RuleBook(PolicyCase policy)
{
    private readonly PolicyEvaluator _evaluator = new(policy.Written, policy.Inventory, policy.Options);
    private readonly PolicyEdges _edges = new(policy);
    private readonly Dictionary<Question, Judgement> _answers = [];
    private readonly Dictionary<(UnitName? Unit, Direction Direction, bool IsProtocol), bool> _matters = [];

    /// <summary>Told each question once, with its answer.</summary>
    public Action<Question, Judgement>? Asked { get; set; }

    /// <summary>What the policy says of a connection.</summary>
    public Judgement Judge(Question question)
    {
        if (!_answers.TryGetValue(question, out Judgement? answer))
        {
            answer = _evaluator.Judge(question);
            _answers.Add(question, answer);
            Asked?.Invoke(question, answer);
        }
        return answer;
    }

    /// <summary>Whether some peer is allowed one port of a protocol and not another. What is built in does not count: it is never fragmented.</summary>
    public bool PortsMatter(UnitName? unit, Direction direction) => Matters(unit, direction, isProtocol: false);

    /// <summary>Whether some peer is allowed one protocol or port and not another.</summary>
    public bool ProtocolMatters(UnitName? unit, Direction direction) => Matters(unit, direction, isProtocol: true);

    private bool Matters(UnitName? unit, Direction direction, bool isProtocol)
    {
        if (!_matters.TryGetValue((unit, direction, isProtocol), out bool known))
        {
            known = Everybody().Any(peer => IsMixed(unit, direction, peer, isProtocol));
            _matters.Add((unit, direction, isProtocol), known);
        }
        return known;
    }

    private bool IsMixed(UnitName? unit, Direction direction, AddressKey peer, bool isProtocol) =>
        Everything()
            .Where(port => isProtocol || port.Table != PortTable.Other)
            .Select(port => (port.Table, Says: _evaluator.Judge(new Question(unit, direction, peer, port.Table, port.Key) { PeerMayBeUnit = false })))
            .Where(one => !one.Says.Flags.HasFlag(DescriptorFlags.BuiltIn))
            .GroupBy(one => isProtocol ? PortTable.Other : one.Table, one => one.Says.Verdict)
            .Any(verdicts => verdicts.Distinct().Count() > 1);

    // A verdict changes only where a range begins or the one before it has ended, so those and the two beginnings stand for every address.
    private IEnumerable<AddressKey> Everybody() => _edges.Beginnings.Append(new AddressKey(false, 0)).Append(new AddressKey(true, 0)).Distinct();

    private IEnumerable<(PortTable Table, ushort Key)> Everything() =>
        _edges.PortBeginnings.Concat(Enum.GetValues<PortTable>().Select(table => (table, (ushort)0))).Distinct();
}
