namespace Datapath.Interop.Libbpf;

/// <summary>Which packets of an interface a tc program sees.</summary>
public enum TcDirection
{
    /// <summary>Those the interface received.</summary>
    Ingress,

    /// <summary>Those the interface is about to send.</summary>
    Egress,
}
