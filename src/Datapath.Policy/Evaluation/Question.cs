using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Evaluation;

/// <summary>A connection that a processing unit opens or receives: one side of it is asked.</summary>
/// <param name="Unit">The unit whose policy is asked; null for the host.</param>
/// <param name="Direction">Whether the unit receives the connection or opens it.</param>
/// <param name="Peer">The other end.</param>
/// <param name="Table">What kind of key <paramref name="Key"/> is.</param>
/// <param name="Key">Destination port, <c>type &lt;&lt; 8 | code</c>, or protocol number.</param>
public sealed record Question(UnitName? Unit, Direction Direction, AddressKey Peer, PortTable Table, ushort Key)
{
    /// <summary>
    /// Whether a peer with an address of the unit is the unit. Not so for what comes in from outside: that only claims to be, and the rules
    /// judge it like any other peer.
    /// </summary>
    public bool PeerMayBeUnit { get; init; } = true;
}

/// <summary>A processing unit by name.</summary>
/// <param name="Namespace">Absolute path of its namespace.</param>
/// <param name="Name">Its name; of several units of one name the first written is meant.</param>
public sealed record UnitName(string Namespace, string Name);
