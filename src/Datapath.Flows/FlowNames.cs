using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;

namespace Datapath.Flows;

/// <summary>What the numbers and addresses in events stand for.</summary>
/// <remarks>Made of every number that was ever given away and not taken back, so that late events of an older policy have names too.</remarks>
public sealed class FlowNames
{
    private readonly FrozenDictionary<int, RuleIdentity> _rules;
    private readonly FrozenDictionary<int, (string Namespace, string Name)> _units;
    private readonly Lazy<Resolved> _resolved;

    private FlowNames(
        IEnumerable<KeyValuePair<int, RuleIdentity>> rules,
        Dictionary<int, (string Namespace, string Name)> units,
        ResolvedPolicy? policy
    )
    {
        _rules = rules.ToFrozenDictionary();
        _units = units.ToFrozenDictionary();
        _resolved = new Lazy<Resolved>(() => new Resolved(_units, policy));
    }

    /// <summary>Before any policy.</summary>
    public static FlowNames None { get; } = new([], [], null);

    /// <summary>The names behind the numbers.</summary>
    /// <param name="indexes">The numbers given away so far.</param>
    /// <param name="compiled">The policy that is enforced with them, which alone knows the name of the host; null when there is none yet.</param>
    /// <param name="resolved">What it was compiled from; null when there is none yet. Read at the first record, and not while a policy is applied.</param>
    public static FlowNames Of(RuleIndexes indexes, CompiledPolicy? compiled, ResolvedPolicy? resolved)
    {
        ArgumentNullException.ThrowIfNull(indexes);
        Dictionary<int, (string, string)> units = indexes.Units.ToDictionary(unit => unit.Number, unit => (unit.Unit.Namespace, unit.Unit.Name));
        foreach (LocalUnit unit in compiled?.Units ?? [])
        {
            units[unit.Number] = (unit.Namespace, unit.Name);
        }

        ImmutableArray<(int Index, RuleKey Rule, bool IsRetired)> rules = indexes.Rules;
        return new FlowNames(rules.Select(rule => KeyValuePair.Create(rule.Index, rule.Rule.Rule)), units, resolved)
        {
            LiveRules = [.. rules.Where(rule => !rule.IsRetired).Select(rule => (rule.Index, rule.Rule.Rule))],
        };
    }

    /// <summary>The rules of the policy in force, by ascending number.</summary>
    public ImmutableArray<(int Index, RuleIdentity Rule)> LiveRules { get; private init; } = [];

    /// <summary>The rule of an index, or null when the index is not known.</summary>
    /// <param name="ruleIndex">As the event carries it.</param>
    public RuleIdentity? Rule(int ruleIndex) => _rules.GetValueOrDefault(ruleIndex);

    /// <summary>The name of a unit, or null when the number is not known.</summary>
    /// <param name="number">As the event carries it.</param>
    public string? UnitName(int number) => _units.TryGetValue(number, out (string Namespace, string Name) unit) ? unit.Name : null;

    /// <summary>Namespace of a unit; empty when the number is not known.</summary>
    /// <param name="number">As the event carries it.</param>
    public string UnitNamespace(int number) => _units.TryGetValue(number, out (string Namespace, string Name) unit) ? unit.Namespace : "";

    /// <summary>A unit with its tags, or null when the number is not known.</summary>
    /// <param name="number">As the event carries it.</param>
    public FlowEndpoint? Unit(int number) => _resolved.Value.Units.GetValueOrDefault(number);

    /// <summary>Who has an address; <see cref="FlowEndpoint.Unknown"/> when the policy does not say.</summary>
    /// <param name="address">As the event carries it.</param>
    public FlowEndpoint Peer(IPAddress address) => _resolved.Value.Book?.Find(AddressKey.From(address)) ?? FlowEndpoint.Unknown;

    // A large policy has a hundred thousand prefixes: who applies it does not wait for them, the first record does.
    private sealed class Resolved(FrozenDictionary<int, (string Namespace, string Name)> units, ResolvedPolicy? policy)
    {
        public AddressBook? Book { get; } = policy is null ? null : new AddressBook(policy);

        public FrozenDictionary<int, FlowEndpoint> Units =>
            field ??= units.ToFrozenDictionary(
                one => one.Key,
                one => Book?.Unit(one.Value.Namespace, one.Value.Name) ?? FlowEndpoint.Unit(one.Value.Namespace, one.Value.Name, [])
            );
    }
}
