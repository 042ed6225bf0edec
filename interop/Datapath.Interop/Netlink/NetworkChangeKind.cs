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

    /// <summary>A route by which this host takes packets itself was added or removed: local, broadcast or anycast.</summary>
    LocalRouteChanged,

    /// <summary>A rule that chooses the routing table was added or removed.</summary>
    RoutingRuleChanged,

    /// <summary>An interface, or the whole namespace, began or ceased to pass packets on, or another such setting changed.</summary>
    InterfaceSettingsChanged,

    /// <summary>Changes were lost, or not understood: ask for the whole state again.</summary>
    Lost,
}
