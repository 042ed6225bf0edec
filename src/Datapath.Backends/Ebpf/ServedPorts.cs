using System.Net;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Ebpf;

/// <summary>Which ports of the host only sockets of one unit's cgroups have. Pure, so that every case is a test without a kernel.</summary>
internal static class ServedPorts
{
    /// <summary>Stands for the host: no cgroup has this id.</summary>
    public const ulong Host = 0;

    /// <summary>The table: what is not in it, or is there as the host's, the host judges.</summary>
    /// <param name="sockets">The sockets of the host.</param>
    /// <param name="ownerOf">From the id of a socket's cgroup to that of the unit's cgroup which holds it, or <see cref="Host"/>.</param>
    public static Dictionary<DpServedKey, ulong> Of(IEnumerable<BoundSocket> sockets, Func<ulong, ulong> ownerOf)
    {
        var owners = new Dictionary<DpServedKey, ulong>();
        foreach ((BoundSocket socket, DpServedKey key) in sockets.Where(socket => socket.Local.Port != 0).SelectMany(socket => KeysOf(socket).Select(key => (socket, key))))
        {
            ulong owner = ownerOf(socket.CgroupId);
            // Two have it: then the kernel chooses, and the host's policy is asked for both.
            owners[key] = owners.TryGetValue(key, out ulong other) && other != owner ? Host : owner;
        }

        HashSet<(byte Protocol, ushort Port)> shared = [.. owners.Where(one => one.Value != Host).Select(one => (one.Key.Protocol, one.Key.PortBigEndian))];
        // The host's own only where they lie before those of a unit: an address before every address.
        return owners.Where(one => one.Value != Host || shared.Contains((one.Key.Protocol, one.Key.PortBigEndian))).ToDictionary();
    }

    private static IEnumerable<DpServedKey> KeysOf(BoundSocket socket)
    {
        yield return KeyOf(socket, socket.Local.Address);
        if (socket.Local.Address.Equals(IPAddress.IPv6Any) && !socket.IsForIPv6Only)
        {
            yield return KeyOf(socket, IPAddress.Any);
        }
    }

    private static DpServedKey KeyOf(BoundSocket socket, IPAddress address) =>
        new()
        {
            Address = AddressCodec.Encode(address),
            PortBigEndian = (ushort)IPAddress.HostToNetworkOrder((short)socket.Local.Port),
            Protocol = socket.Protocol,
        };
}
