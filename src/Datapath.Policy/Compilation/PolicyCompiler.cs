using System.Collections.Immutable;
using Datapath.Policy.Compilation.Passes;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation;

/// <summary>Stage 3: precedence, overlap and exclusion are decided, and what is left is tables.</summary>
public static class PolicyCompiler
{
    /// <summary>Compiles a policy for the units that this host judges.</summary>
    /// <param name="policy">A policy without errors.</param>
    /// <param name="indexes">The numbers given away so far.</param>
    public static PolicyCompilation Compile(ResolvedPolicy policy, RuleIndexes indexes)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(indexes);
        var units = UnitNumbers.Allocate(policy, indexes);
        if (units.Highest > LocalUnit.MaxNumber)
        {
            return Refused(indexes, PolicyCodes.TooManyUnits(units.Highest, LocalUnit.MaxNumber));
        }
        var catalog = new RuleCatalog();
        var ports = new PortClasses();
        var order = new DirectionOrder(policy, catalog, ports);
        var directions = new UnitDirections(policy, order);
        ports.Divide();
        var peers = new PeerClasses(policy, units.Numbers, order.Atoms, new NetworkSweep(order.Networks));
        if (TooManyClasses(peers, ports) is { } tooMany)
        {
            return Refused(indexes, tooMany);
        }
        var rows = new RowTable(ports, catalog);
        int local = rows.Descriptor(catalog.Number(LocalRule, 0, Verdict.Allow, DescriptorFlags.Log));
        ImmutableArray<ImmutableArray<int>> matrices = [.. directions.Distinct.Select(rules => DirectionMatrix.Compile(rules, peers, order.Atoms, rows))];
        if (TooLarge(rows, ports) is { } tooLarge)
        {
            return Refused(indexes, tooLarge);
        }
        RuleIndexes after = DescriptorTable.Build(rows, catalog, units.Indexes, out var descriptors, out var rules);
        var compiled = new CompiledPolicy
        {
            Peers = peers.Map,
            Ports = ports.Map,
            Policies = Policies(directions, matrices, new PortsMatter(ports, rows, catalog)),
            Rows = [.. Enumerable.Range(0, rows.Count).Select(row => Cells(rows.Cells(row)))],
            Descriptors = descriptors,
            LocalDescriptor = local,
            Units = units.Local(policy, directions),
            ExcludedInterfaces = policy.Profile?.ExcludedInterfaces ?? [],
            Rules = rules,
        };
        return new PolicyCompilation(compiled, after, []);
    }

    private static RuleIdentity LocalRule { get; } = new(RuleKind.Local, "", "local", Direction.Incoming, 0, "");

    private static PolicyCompilation Refused(RuleIndexes indexes, Diagnostic why) => new(null, indexes, [why]);

    private static Diagnostic? TooManyClasses(PeerClasses peers, PortClasses ports)
    {
        const int Limit = ushort.MaxValue + 1;
        if (peers.Count > Limit)
        {
            return PolicyCodes.TooManyClasses("peer", peers.Count, Limit);
        }
        return ports.Count > Limit ? PolicyCodes.TooManyClasses("port", ports.Count, Limit) : null;
    }

    private static Diagnostic? TooLarge(RowTable rows, PortClasses ports)
    {
        const int Limit = ushort.MaxValue + 1;
        if (rows.IsFull)
        {
            return PolicyCodes.TooManyCells((long)(rows.Count + 1) * ports.Count, RowTable.MaxCells);
        }
        return rows.Descriptors.Count > Limit ? PolicyCodes.TooManyDescriptors(rows.Descriptors.Count, Limit) : null;
    }

    private static ImmutableArray<UnitPolicy> Policies(
        UnitDirections directions,
        ImmutableArray<ImmutableArray<int>> matrices,
        PortsMatter matter
    ) =>
        [
            .. directions.Policies.Select(policy => new UnitPolicy(matrices[policy.Incoming], matrices[policy.Outgoing])
            {
                IncomingPortsMatter = matter.InAny(matrices[policy.Incoming]),
                OutgoingPortsMatter = matter.InAny(matrices[policy.Outgoing]),
            }),
        ];

    private static ImmutableArray<ushort> Cells(ReadOnlySpan<int> cells)
    {
        var result = ImmutableArray.CreateBuilder<ushort>(cells.Length);
        foreach (int cell in cells)
        {
            result.Add((ushort)cell);
        }
        return result.MoveToImmutable();
    }
}
