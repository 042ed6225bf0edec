namespace Datapath.Backends.Selection;

/// <summary>What enforces.</summary>
public enum BackendKind
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>tc programs.</summary>
    Ebpf,

    /// <summary>iptables and ipset.</summary>
    Iptables,
}
