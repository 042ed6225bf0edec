namespace Datapath.Backends.Selection;

/// <summary>One thing that the product wants of a host, and how it stands there.</summary>
/// <param name="Id">A stable name for programs, such as <c>bpf-syscall</c>.</param>
/// <param name="Name">What it is, for people.</param>
/// <param name="Scope">Who needs it.</param>
/// <param name="Level">What follows when it is missing.</param>
/// <param name="Finding">How it stands.</param>
/// <param name="Evidence">What that rests on: what was looked at or tried, and what came back.</param>
/// <param name="Since">The first kernel of kernel.org that has it, such as <c>5.8</c>; null where kernels have nothing to do with it.</param>
/// <param name="Remedy">A command, or what to do where no command mends it; null when nothing needs mending.</param>
public sealed record Requirement(
    string Id,
    string Name,
    RequirementScope Scope,
    RequirementLevel Level,
    Finding Finding,
    string Evidence,
    string? Since = null,
    string? Remedy = null
)
{
    /// <summary>Whether a backend cannot do without it.</summary>
    /// <param name="backend">The backend.</param>
    public bool IsNeededBy(BackendKind backend) =>
        Level == RequirementLevel.Needed
        && Scope switch
        {
            RequirementScope.Both => backend != BackendKind.None,
            RequirementScope.Ebpf => backend == BackendKind.Ebpf,
            _ => backend == BackendKind.Iptables,
        };
}
