using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>A look at this host: what it has of what we need, and who else is on it.</summary>
/// <param name="KernelRelease">As <c>uname -r</c> prints it.</param>
/// <param name="Requirements">Every requirement of every backend, in a fixed order.</param>
/// <param name="Neighbours">Everybody that is looked for, in a fixed order; empty when nobody was.</param>
public sealed record HostSurvey(string KernelRelease, ImmutableArray<Requirement> Requirements, ImmutableArray<Neighbour> Neighbours)
{
    /// <summary>Looks at what the backends need, as quickly as a start of the agent wants.</summary>
    /// <param name="clock">The time.</param>
    public static HostSurvey OfRequirements(TimeProvider clock) => new(SystemFactsReader.Read(clock));

    /// <summary>Looks also for others, in the network namespace of the calling thread.</summary>
    /// <param name="clock">The time.</param>
    public static HostSurvey OfEverything(TimeProvider clock)
    {
        SystemFacts facts = SystemFactsReader.Read(clock);
        return new HostSurvey(facts) with { Neighbours = Selection.Neighbours.Of(NeighbourReader.Read(facts.Modules, facts.LegacyTables)) };
    }

    /// <summary>Judges what was looked at.</summary>
    internal HostSurvey(SystemFacts facts)
        : this(
            facts.KernelRelease,
            [.. PrivilegeRequirements.Of(facts), .. EbpfRequirements.Of(facts), .. IptablesRequirements.Of(facts), .. MachineRequirements.Of(facts)],
            []
        )
    {
    }
}
