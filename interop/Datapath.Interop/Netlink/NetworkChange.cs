namespace Datapath.Interop.Netlink;

/// <summary>Something about the interfaces of a namespace changed.</summary>
/// <param name="Kind">What.</param>
/// <param name="Link">The interface, for the link kinds.</param>
/// <param name="Address">The address, for the address kinds.</param>
public sealed record NetworkChange(NetworkChangeKind Kind, NetworkLink? Link = null, InterfaceAddress? Address = null);
