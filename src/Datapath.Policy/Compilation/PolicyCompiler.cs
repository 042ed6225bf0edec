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
    /// <param name="memory">What earlier compilations left, to be quicker by it; null to start from nothing.</param>
    public static PolicyCompilation Compile(ResolvedPolicy policy, RuleIndexes indexes, CompilationMemory? memory = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(indexes);
        memory ??= new CompilationMemory();
        if (memory.Last?.Follow(policy, indexes, memory) is { } followed)
        {
            memory.Last = followed;
            return followed.Result;
        }
        memory.Last = null;
        var units = UnitNumbers.Allocate(policy, indexes);
        if (units.Highest > LocalUnit.MaxNumber)
        {
            return Refused(indexes, PolicyCodes.TooManyUnits(units.Highest, LocalUnit.MaxNumber));
        }
        (RuleCatalog catalog, NumberedRules numbered) = (memory.Catalog, memory.Numbered);
        var order = new DirectionOrder(policy, catalog, memory.PortLists);
        var directions = new UnitDirections(policy, order);
        PortClasses ports = PortClasses.Divide(memory.PortLists, order.PortsInUse, memory.Ports);
        memory.Enter(ports);
        memory.Sweep = NetworkSweep.Over(order.Networks, memory.Sweep);
        var peers = new PeerClasses(policy, units.Numbers, order.Atoms, memory.Sweep, memory.Peers);
        memory.Peers = peers;
        if (TooManyClasses(peers, ports) is { } tooMany)
        {
            return Refused(indexes, tooMany);
        }
        var rows = new RowTable(memory.Rows);
        int localRule = catalog.Number(LocalRule, 0, Verdict.Allow, DescriptorFlags.Log);
        int local = rows.Descriptor(memory.Rows.Number(new RulePair(localRule, -1)));
        var painter = new RowPainter(ports, catalog, memory.Rows);
        ImmutableArray<ImmutableArray<int>> matrices =
        [
            .. directions.Distinct.Select(rules => DirectionMatrix.Compile(rules, peers, order.Atoms.Count, memory.Rows, painter, rows)),
        ];
        memory.Rows.Finish(rows.Rows.Count);
        memory.Prune(rows.Descriptors.Count, rows.Rows.Count);
        if (rows.IsFull)
        {
            return Refused(indexes, PolicyCodes.TooManyRuns(rows.RunCount, RowTable.MaxRuns));
        }
        RuleIndexes after = DescriptorTable.Build(rows, catalog, numbered, units.Indexes, out var descriptors, out var rules);
        var compiled = new CompiledPolicy
        {
            Peers = peers.Map,
            Ports = ports.Map,
            Policies = Policies(directions, matrices, rows),
            Rows = [.. rows.Rows],
            Descriptors = descriptors,
            LocalDescriptor = local,
            Units = units.Local(policy, directions),
            ExcludedInterfaces = policy.Profile?.ExcludedInterfaces ?? [],
            Rules = rules,
        };
        var result = new PolicyCompilation(compiled, after, []);
        memory.Last = new CompilationTrace(policy, units.Numbers, result);
        return result;
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

    private static ImmutableArray<UnitPolicy> Policies(
        UnitDirections directions,
        ImmutableArray<ImmutableArray<int>> matrices,
        RowTable rows
    ) =>
        [
            .. directions.Policies.Select(policy => new UnitPolicy(matrices[policy.Incoming], matrices[policy.Outgoing])
            {
                IncomingPortsMatter = rows.PortsMatter(matrices[policy.Incoming]),
                OutgoingPortsMatter = rows.PortsMatter(matrices[policy.Outgoing]),
            }),
        ];
}
