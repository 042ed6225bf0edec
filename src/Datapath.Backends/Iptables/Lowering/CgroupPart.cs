namespace Datapath.Backends.Iptables.Lowering;

/// <summary>What a judge has to do with units that are cgroups.</summary>
/// <param name="Unit">Number of the unit that judges, when it is one.</param>
internal sealed record CgroupPart(int Unit)
{
    /// <summary>No unit of the policy is a cgroup.</summary>
    public static CgroupPart None { get; } = new(0);

    /// <summary>Some are, and this judge is another.</summary>
    public static CgroupPart Beside { get; } = new(-1);

    /// <summary>Some are, and this judge sees the answers to them: the host, of what comes in.</summary>
    public static CgroupPart Host { get; } = new(-2);

    /// <summary>Whether the judge is a cgroup.</summary>
    public bool IsUnit => Unit > 0;
}
