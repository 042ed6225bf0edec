namespace Datapath.Backends.Ebpf;

/// <summary>Whether packets are dropped early, at XDP.</summary>
public enum XdpChoice
{
    /// <summary>They are not.</summary>
    Off,

    /// <summary>Where the interface can.</summary>
    Auto,

    /// <summary>At every interface of the host, or nothing is enforced.</summary>
    Require,
}
