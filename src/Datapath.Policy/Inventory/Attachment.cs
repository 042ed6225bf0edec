namespace Datapath.Policy.Inventory;

/// <summary>Where the packets of a processing unit are seen.</summary>
/// <param name="Kind">What is attached to.</param>
/// <param name="Target">Interface name or cgroup path; empty for the host.</param>
public sealed record Attachment(AttachmentKind Kind, string Target);

/// <summary>What a processing unit is attached by.</summary>
public enum AttachmentKind
{
    /// <summary>
    /// The unit is not on this host: its addresses are known, its packets are judged elsewhere. Unless it has an address of this host: then
    /// it is this host, written in a file for a whole fleet.
    /// </summary>
    None,

    /// <summary>The host itself, on its uplinks (<c>attach: {host: true}</c>).</summary>
    Host,

    /// <summary>The host's end of the unit's veth pair (<c>attach: {interface: NAME}</c>).</summary>
    Interface,

    /// <summary>A cgroup (<c>attach: {cgroup: PATH}</c>).</summary>
    Cgroup,
}
