namespace Datapath.Interop.Netlink;

/// <summary>A rule that chooses a routing table, as <c>ip rule</c> shows it.</summary>
/// <param name="Table">The table; 0 where it depends on the packet's virtual router.</param>
/// <param name="NeedsMark">Only for packets that a firewall of this host has marked.</param>
/// <param name="IsOfVirtualRouters">The table is that of the packet's virtual router (VRF).</param>
public sealed record RoutingRule(uint Table, bool NeedsMark, bool IsOfVirtualRouters);
