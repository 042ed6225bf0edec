using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Explanation;

/// <summary>Answers "may X open this connection to Y, and why": by the evaluator, so in the words of the files.</summary>
public sealed class PolicyExplainer
{
    private readonly PolicyEvaluator _evaluator;
    private readonly AskedEnds _ends;
    private readonly SideExplainer _sides;

    /// <summary>Prepares to explain.</summary>
    /// <param name="written">Objects that were read and resolved without errors.</param>
    /// <param name="inventory">What is known of the host.</param>
    /// <param name="options">The options that bear on meaning.</param>
    public PolicyExplainer(WrittenPolicy written, HostInventory inventory, PolicyOptions options)
    {
        ArgumentNullException.ThrowIfNull(written);
        ArgumentNullException.ThrowIfNull(inventory);
        ArgumentNullException.ThrowIfNull(options);
        (WrittenPolicy addressed, HostInventory host) = Addressed(written, inventory);
        _evaluator = new PolicyEvaluator(addressed, host, options);
        _ends = new AskedEnds(_evaluator, addressed, options);
        _sides = new SideExplainer(_evaluator, addressed, options);
    }

    /// <summary>Explains every connection that is meant.</summary>
    /// <param name="from">Who opens it: an address, the name of a unit, or tags.</param>
    /// <param name="to">Who receives it, likewise.</param>
    /// <param name="port">Such as <c>tcp/443</c>, <c>icmp/8/0</c> or <c>gre</c>.</param>
    public PolicyExplanation Explain(string from, string to, string port)
    {
        if (!AskedPort.TryParse(port, out AskedPort? asked, out string? problem))
        {
            return new PolicyExplanation([], problem);
        }
        ImmutableArray<AskedEnd> sources = _ends.Find(from, out string? noSource);
        ImmutableArray<AskedEnd> destinations = _ends.Find(to, out string? noDestination);
        if ((noSource ?? noDestination) is { } nobody)
        {
            return new PolicyExplanation([], nobody);
        }
        bool isOnePair = sources.Length == 1 && destinations.Length == 1;
        var flows = ImmutableArray.CreateBuilder<ExplainedFlow>();
        foreach (AskedEnd source in sources)
        {
            // A selector that stands at both ends asks about its units among each other.
            foreach (AskedEnd destination in destinations.Where(one => isOnePair || one.Unit is null || one.Unit != source.Unit))
            {
                flows.AddRange(Flows(source, destination, asked));
            }
        }
        return flows.Count == 0
            ? new PolicyExplanation([], $"'{from}' and '{to}' are the same processing unit, which may talk to itself")
            : new PolicyExplanation(flows.ToImmutable(), null);
    }

    /// <summary>The policy with an address for every unit that has none: it can be asked about all the same, by its tags.</summary>
    private static (WrittenPolicy Written, HostInventory Inventory) Addressed(WrittenPolicy written, HostInventory inventory)
    {
        bool isHostWritten = false;
        var units = ImmutableArray.CreateBuilder<ProcessingUnit>(written.ProcessingUnits.Length);
        foreach (ProcessingUnit unit in written.ProcessingUnits)
        {
            bool isHost = unit.Attach.Kind == AttachmentKind.Host && !unit.Archived;
            isHostWritten |= isHost;
            bool isKnown = !unit.Addresses.IsEmpty || (isHost && !inventory.Addresses.IsEmpty);
            units.Add(isKnown ? unit : unit with { Addresses = StandIns(units.Count + 1) });
        }
        bool needsHost = !isHostWritten && inventory.Addresses.IsEmpty;
        return (written with { ProcessingUnits = units.ToImmutable() }, needsHost ? inventory with { Addresses = StandIns(0) } : inventory);
    }

    private static ImmutableArray<IPAddress> StandIns(int number) =>
        [StandInAddress.IPv4(number).ToAddress(), StandInAddress.IPv6(number).ToAddress()];

    /// <summary>The connections between two ends: one for each different pair of decisions, however many addresses lead to it.</summary>
    private IEnumerable<ExplainedFlow> Flows(AskedEnd source, AskedEnd destination, AskedPort port)
    {
        if (source.Unit is null && destination.Unit is null)
        {
            yield return Unanswered(source, destination, "neither end is a processing unit of the policy, so nothing here judges it");
            yield break;
        }
        var outgoing = Judgements(source.Unit, Direction.Outgoing, destination, port);
        var incoming = Judgements(destination.Unit, Direction.Incoming, source, port);
        var seen = new HashSet<(Judgement?, Judgement?)>();
        foreach (AddressKey from in source.Addresses.Where(address => port.IsOf(address.IsIPv6)))
        {
            foreach (AddressKey to in destination.Addresses.Where(address => address.IsIPv6 == from.IsIPv6))
            {
                if (seen.Add((outgoing.GetValueOrDefault(to), incoming.GetValueOrDefault(from))))
                {
                    yield return Flow(source.Unit, destination.Unit, from, to, port);
                }
            }
        }
        if (seen.Count == 0)
        {
            yield return Unanswered(source, destination, $"the two ends have no addresses of one family that {port.Text} is for");
        }
    }

    private Dictionary<AddressKey, Judgement> Judgements(WrittenUnit? unit, Direction direction, AskedEnd peers, AskedPort port) =>
        unit is null
            ? []
            : peers.Addresses.ToDictionary(peer => peer, peer => _evaluator.Judge(unit, Question(unit, direction, peer, port)));

    private ExplainedFlow Flow(WrittenUnit? source, WrittenUnit? destination, AddressKey from, AddressKey to, AskedPort port) =>
        new(
            End(source, from),
            End(destination, to),
            source is null ? null : _sides.Explain(source, destination, Question(source, Direction.Outgoing, to, port)),
            destination is null ? null : _sides.Explain(destination, source, Question(destination, Direction.Incoming, from, port)),
            null
        );

    private ExplainedFlow Unanswered(AskedEnd source, AskedEnd destination, string problem) =>
        new(End(source.Unit, First(source)), End(destination.Unit, First(destination)), null, null, problem);

    private ExplainedEnd End(WrittenUnit? unit, AddressKey? address)
    {
        ImmutableArray<string> networks = address is { } known
            ? [.. _evaluator.Networks.Where(one => WrittenMatch.Network(one.Network.Entries, known)).Select(one => one.Network.Name)]
            : [];
        return new ExplainedEnd(unit?.Name, address, networks);
    }

    private static AddressKey? First(AskedEnd end) => end.Addresses.IsEmpty ? null : end.Addresses[0];

    private static Question Question(WrittenUnit unit, Direction direction, AddressKey peer, AskedPort port) =>
        new(unit.Name, direction, peer, port.Table, port.Key);
}
