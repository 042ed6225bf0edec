namespace Datapath.Interop.Netlink;

/// <summary>What changed.</summary>
public enum NetworkChangeKind
{
    /// <summary>An interface appeared or is different now.</summary>
    LinkChanged,

    /// <summary>An interface went, or moved to another namespace.</summary>
    LinkRemoved,

    /// <summary>An address was added or is different now.</summary>
    AddressAdded,

    /// <summary>An address was removed.</summary>
    AddressRemoved,

    /// <summary>Changes were lost, or not understood: ask for the whole state again.</summary>
    Lost,
}
