namespace Datapath.Policy.Compilation;

/// <summary>
/// The whole of both address spaces cut into ranges, each with the peer class of its addresses.
/// Two addresses are in one class exactly when no rule of any policy tells them apart.
/// </summary>
/// <param name="ClassCount">Number of peer classes; class 0 is "listed nowhere". At most 65,536.</param>
/// <param name="IPv4">The ranges of IPv4.</param>
/// <param name="IPv6">The ranges of IPv6.</param>
public sealed record PeerMap(int ClassCount, PeerRanges<uint> IPv4, PeerRanges<UInt128> IPv6);

/// <summary>A run of addresses that share a class and an owner.</summary>
/// <param name="First">The first address, in host byte order.</param>
/// <param name="Class">The peer class.</param>
/// <param name="Unit">Number of the local processing unit that owns the address (<see cref="LocalUnit.Number"/>), or 0.</param>
/// <typeparam name="TAddress"><see cref="uint"/> for IPv4, <see cref="UInt128"/> for IPv6.</typeparam>
public readonly record struct PeerRange<TAddress>(TAddress First, ushort Class, ushort Unit)
    where TAddress : unmanaged;
