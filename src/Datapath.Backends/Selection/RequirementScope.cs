namespace Datapath.Backends.Selection;

/// <summary>Who needs it.</summary>
public enum RequirementScope
{
    /// <summary>Every backend.</summary>
    Both,

    /// <summary>The eBPF backend.</summary>
    Ebpf,

    /// <summary>The iptables backend.</summary>
    Iptables,
}
