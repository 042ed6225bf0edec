using Datapath.Interop.Libc;

namespace Datapath.Backends.Selection;

/// <summary>What this process has to be allowed.</summary>
internal static class PrivilegeRequirements
{
    /// <summary>Judges the capabilities.</summary>
    /// <param name="facts">What was looked at.</param>
    public static IEnumerable<Requirement> Of(SystemFacts facts)
    {
        yield return Own(facts, Capability.NetworkAdministration, RequirementScope.Both, RequirementLevel.Needed, "filters, sets and chains");
        yield return OfWholeMachine(facts, Capability.Bpf, "maps and programs", since: "5.8");
        yield return OfWholeMachine(facts, Capability.Performance, "programs that compare pointers", since: "5.8");
        yield return OfWholeMachine(facts, Capability.SystemAdministration, "mounting, and finding its own programs after a restart", since: null);
        RequirementLevel resource = KernelVersion.Parse(facts.KernelRelease) < new KernelVersion(5, 11, 0) ? RequirementLevel.Useful : RequirementLevel.Information;
        yield return Own(facts, Capability.SystemResource, RequirementScope.Ebpf, resource, "memory for maps before Linux 5.11");
        yield return Own(facts, Capability.RawSockets, RequirementScope.Both, RequirementLevel.Useful, "the legacy iptables, `datapath ping` and `collect --pcap`");
        yield return Own(facts, Capability.Tracing, RequirementScope.Both, RequirementLevel.Useful, "sockets of pods whose network namespace only their processes name");
        yield return Own(facts, Capability.Modules, RequirementScope.Iptables, RequirementLevel.Useful, "loading modules that the kernel does not load by itself");
    }

    /// <summary>Whether bpf(2) would take what this process has for a capability, or for the one of old that stands for all.</summary>
    /// <param name="facts">What was looked at.</param>
    /// <param name="capability">Which.</param>
    public static bool MayUse(SystemFacts facts, Capability capability) =>
        facts.IsInitialUserNamespace
        && (facts.Capabilities.Contains(Capability.SystemAdministration) || facts.Capabilities.Contains(capability));

    /// <summary>The name of capabilities(7).</summary>
    /// <param name="capability">Which.</param>
    public static string Word(Capability capability) =>
        capability switch
        {
            Capability.NetworkAdministration => "CAP_NET_ADMIN",
            Capability.RawSockets => "CAP_NET_RAW",
            Capability.Modules => "CAP_SYS_MODULE",
            Capability.Tracing => "CAP_SYS_PTRACE",
            Capability.SystemAdministration => "CAP_SYS_ADMIN",
            Capability.SystemResource => "CAP_SYS_RESOURCE",
            Capability.Performance => "CAP_PERFMON",
            Capability.Bpf => "CAP_BPF",
            _ => capability.ToString(),
        };

    private static Requirement Own(SystemFacts facts, Capability capability, RequirementScope scope, RequirementLevel level, string purpose)
    {
        bool has = facts.Capabilities.Contains(capability);
        return Row(capability, scope, level, has, has ? $"this process has it: {purpose}" : $"this process lacks it: {purpose}", since: null);
    }

    private static Requirement OfWholeMachine(SystemFacts facts, Capability capability, string purpose, string? since)
    {
        bool has = MayUse(facts, capability);
        string evidence = (has, facts.IsInitialUserNamespace, facts.Capabilities.Contains(capability)) switch
        {
            (true, _, true) => $"this process has it: {purpose}",
            (true, _, false) => $"CAP_SYS_ADMIN stands for it: {purpose}",
            (false, false, _) => $"this process is in a user namespace, whose capabilities do not count here: {purpose}",
            _ => $"this process lacks it: {purpose}",
        };
        Requirement row = Row(capability, RequirementScope.Ebpf, RequirementLevel.Needed, has, evidence, since);
        return has || facts.IsInitialUserNamespace ? row : row with { Remedy = "run it as root of the machine, outside of the user namespace" };
    }

    private static Requirement Row(Capability capability, RequirementScope scope, RequirementLevel level, bool has, string evidence, string? since)
    {
        string word = Word(capability);
        return new Requirement(
            word.ToLowerInvariant().Replace('_', '-'),
            word,
            scope,
            level,
            has ? Finding.Found : Finding.Missing,
            evidence,
            since,
            has ? null : $"run it as root; in a container add {word[4..]} (--cap-add), in a systemd unit {word} (CapabilityBoundingSet=)"
        );
    }
}
