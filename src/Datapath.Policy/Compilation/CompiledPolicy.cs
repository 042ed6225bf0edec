using System.Collections.Immutable;

namespace Datapath.Policy.Compilation;

/// <summary>
/// A policy with every question of precedence, overlap and exclusion answered: address to peer class, port to port class,
/// (unit, direction, peer class, port class) to the descriptor of the rule that decides. Backends lower it, and need nothing else.
/// </summary>
/// <remarks>Equal inputs give equal values, byte for byte: no order in here depends on a hash or on time.</remarks>
public sealed record CompiledPolicy
{
    /// <summary>Every address of both families to its peer class.</summary>
    public required PeerMap Peers { get; init; }

    /// <summary>Every destination port, ICMP type and code, and protocol to its port class.</summary>
    public required PortMap Ports { get; init; }

    /// <summary>The distinct policies; units with equal effective rules share one.</summary>
    public required ImmutableArray<UnitPolicy> Policies { get; init; }

    /// <summary>Distinct matrix rows, each over all <see cref="PortMap.ClassCount"/> port classes.</summary>
    public required ImmutableArray<MatrixRow> Rows { get; init; }

    /// <summary>What the cells stand for.</summary>
    public required ImmutableArray<Descriptor> Descriptors { get; init; }

    /// <summary>
    /// Index into <see cref="Descriptors"/> of the rule for traffic of a unit with itself. It stands in no cell: a packet has it when
    /// <see cref="PeerRange{TAddress}.Unit"/> of its peer is the unit that is judged, and that goes before every cell.
    /// </summary>
    public required int LocalDescriptor { get; init; }

    /// <summary>The processing units of this host that are to be judged, by ascending unit number.</summary>
    public required ImmutableArray<LocalUnit> Units { get; init; }

    /// <summary>Interfaces whose packets pass untouched, by name.</summary>
    public required ImmutableArray<string> ExcludedInterfaces { get; init; }

    /// <summary>The rule behind each rule index that this policy uses, by ascending index.</summary>
    public required ImmutableArray<IndexedRule> Rules { get; init; }
}

/// <summary>The matrix of one policy, both directions.</summary>
/// <param name="Incoming">For each peer class an index into <see cref="CompiledPolicy.Rows"/>: connections opened towards the unit.</param>
/// <param name="Outgoing">For each peer class an index into <see cref="CompiledPolicy.Rows"/>: connections that the unit opens.</param>
public sealed record UnitPolicy(ImmutableArray<int> Incoming, ImmutableArray<int> Outgoing)
{
    /// <summary>
    /// Whether some incoming packet whose ports, or type and code, cannot be read would get another verdict if they could. When false, the
    /// cell of key 0 in the packet's table decides it.
    /// </summary>
    /// <remarks>
    /// Built-in allowances are left out: they are for neighbour discovery and MLD, which must not be fragmented (RFC 6980, section 5).
    /// Key 0 of the ICMPv6 tables is never one of them.
    /// </remarks>
    public required bool IncomingPortsMatter { get; init; }

    /// <summary>The same for outgoing packets.</summary>
    public required bool OutgoingPortsMatter { get; init; }
}

/// <summary>A processing unit of this host as a backend needs it.</summary>
/// <param name="Number">1 to <see cref="MaxNumber"/>; 1 is the host itself. Not given to another unit while a flow entry may carry it.</param>
/// <param name="Name">The unit's name as written, or <c>host</c>.</param>
/// <param name="Namespace">The absolute namespace that it lives in.</param>
/// <param name="Policy">Index into <see cref="CompiledPolicy.Policies"/>.</param>
/// <param name="Attach">Where its packets are seen.</param>
public sealed record LocalUnit(int Number, string Name, string Namespace, int Policy, Inventory.Attachment Attach)
{
    /// <summary>The host's own number.</summary>
    public const int HostNumber = 1;

    /// <summary>Fifteen bits: the number shares a trie leaf with the peer class.</summary>
    public const int MaxNumber = 0x7fff;
}

/// <summary>A rule and the number that counters and events know it by.</summary>
/// <param name="Index">1 or more; 0 means "no rule".</param>
/// <param name="Rule">Who wrote it and where it stands.</param>
public sealed record IndexedRule(int Index, RuleIdentity Rule);
