using System.Collections.Immutable;
using Datapath.Backends.Selection;

namespace Datapath.Agent.Documents;

/// <summary>What <c>datapath doctor --json</c> answers.</summary>
/// <param name="Kernel">The running kernel's release.</param>
/// <param name="Asked">The backend that the options name: <c>ebpf</c> or <c>iptables</c>.</param>
/// <param name="Chosen">The backend that would enforce: the same, the other, or <c>none</c>.</param>
/// <param name="Reason">Why, one line.</param>
/// <param name="Requirements">Every requirement of every backend, in a fixed order.</param>
/// <param name="Neighbours">Others who filter packets, in a fixed order; also those that are looked for and not there.</param>
internal sealed record DoctorDocument(
    string Kernel,
    string Asked,
    string Chosen,
    string Reason,
    ImmutableArray<RequirementDocument> Requirements,
    ImmutableArray<NeighbourDocument> Neighbours
)
{
    /// <summary>What the chosen backend cannot do, one sentence each.</summary>
    public ImmutableArray<string> Cannot { get; init; } = [];

    /// <summary>The document of a look at a host.</summary>
    /// <param name="host">What was found.</param>
    /// <param name="choice">What follows.</param>
    public static DoctorDocument Of(HostSurvey host, BackendSelection choice) =>
        new(
            host.KernelRelease,
            BackendSelector.Word(choice.Asked),
            BackendSelector.Word(choice.Chosen),
            choice.Reason,
            [.. host.Requirements.Select(RequirementDocument.Of)],
            [.. host.Neighbours.Select(one => new NeighbourDocument(one.Name, Wording.Of(one.Finding), one.Evidence, one.Advice))]
        )
        {
            Cannot = BackendLimits.Of(choice.Chosen),
        };
}

/// <summary>One requirement.</summary>
/// <param name="Id">Its stable name.</param>
/// <param name="Name">What it is.</param>
/// <param name="For"><c>both</c>, <c>ebpf</c> or <c>iptables</c>.</param>
/// <param name="Level"><c>needed</c>, <c>useful</c> or <c>information</c>.</param>
/// <param name="Finding"><c>found</c>, <c>missing</c> or <c>could-not-tell</c>.</param>
/// <param name="Evidence">What that rests on.</param>
/// <param name="Since">The first kernel that has it; null where kernels have nothing to do with it.</param>
/// <param name="Remedy">What mends it; null when nothing needs mending.</param>
internal sealed record RequirementDocument(
    string Id,
    string Name,
    string For,
    string Level,
    string Finding,
    string Evidence,
    string? Since,
    string? Remedy
)
{
    /// <summary>The document of a requirement.</summary>
    /// <param name="one">The requirement.</param>
    public static RequirementDocument Of(Requirement one) =>
        new(
            one.Id,
            one.Name,
            Wording.Of(one.Scope),
            Wording.Of(one.Level),
            Wording.Of(one.Finding),
            one.Evidence,
            one.Since,
            one.Remedy
        );
}

/// <summary>Somebody else who filters packets of the host.</summary>
/// <param name="Name">Who.</param>
/// <param name="Finding"><c>found</c>, <c>missing</c> or <c>could-not-tell</c>.</param>
/// <param name="Evidence">What was seen.</param>
/// <param name="Advice">What it means beside us; null when it is not there.</param>
internal sealed record NeighbourDocument(string Name, string Finding, string Evidence, string? Advice);
