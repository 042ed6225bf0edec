using System.Net;
using Datapath.Backends.Host;
using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>What the programs know of the host besides its interfaces: its networks and its VLANs.</summary>
/// <param name="loaded">The loaded object.</param>
internal sealed class HostTables(BpfObject loaded)
{
    private readonly KernelTable<DpNetwork, byte> _networks = new(loaded.Map(DpMaps.LocalNets));
    private readonly KernelTable<DpVlanKey, uint> _vlans = new(loaded.Map(DpMaps.Vlans));
    private readonly KernelTable<uint, uint> _namespaces = new(loaded.Map(DpMaps.Namespaces));

    /// <summary>Refuses a host that has no room in the tables.</summary>
    /// <param name="host">The host.</param>
    /// <exception cref="PolicyTooLargeException">Too many networks or VLANs.</exception>
    public void RequireRoom(HostSnapshot host)
    {
        RequireRoom(_networks.Map, NetworksOf(host).Count);
        RequireRoom(_vlans.Map, VlansOf(host).Count);
    }

    /// <summary>Refuses what has no room in a map.</summary>
    /// <param name="map">The map.</param>
    /// <param name="entries">How many there will be.</param>
    /// <exception cref="PolicyTooLargeException">More than the map takes.</exception>
    public static void RequireRoom(BpfMap map, int entries)
    {
        if (entries > map.MaxEntries)
        {
            throw new PolicyTooLargeException(map.Name, entries, map.MaxEntries, "entries");
        }
    }

    /// <summary>Takes up new networks of the host, then forgets those that are gone: what is new is judged first.</summary>
    /// <param name="host">The host.</param>
    public void PutNetworks(HostSnapshot host)
    {
        Dictionary<DpNetwork, byte> desired = NetworksOf(host);
        _networks.Put(desired);
        _networks.RemoveOthers(desired);
    }

    /// <summary>Tells where the sockets are of those who are behind interfaces.</summary>
    /// <param name="host">The host.</param>
    /// <param name="judged">Indexes of the interfaces that are judged, by any policy that may be in force.</param>
    public void PutNamespaces(HostSnapshot host, IReadOnlySet<uint> judged)
    {
        Dictionary<uint, uint> desired = host
            .Interfaces.Where(one => one.PeerNamespace is not null && judged.Contains((uint)one.Index))
            .ToDictionary(one => (uint)one.Index, one => (uint)one.PeerNamespace!.Value);
        _namespaces.RemoveOthers(desired);
        _namespaces.Put(desired);
    }

    /// <summary>Has the devices below judge the frames of VLANs whose interface is gone; before those are let go.</summary>
    /// <param name="host">The host.</param>
    public void RemoveVlans(HostSnapshot host) => _vlans.RemoveOthers(VlansOf(host));

    /// <summary>Has the devices below pass the frames of VLANs on to their interfaces.</summary>
    /// <param name="host">The host.</param>
    /// <param name="isMissing">Whether an interface ought to be judged and is not: the device below goes on judging for it.</param>
    public void PutVlans(HostSnapshot host, Predicate<int> isMissing)
    {
        Dictionary<DpVlanKey, uint> desired = VlansOf(host).Where(vlan => !isMissing((int)vlan.Value)).ToDictionary();
        _vlans.Put(desired);
        _vlans.RemoveOthers(desired);
    }

    private static Dictionary<DpNetwork, byte> NetworksOf(HostSnapshot host) =>
        host
            .LocalNetworks.Concat(host.Addresses.Select(address => new IPNetwork(address, address.GetAddressBytes().Length * 8)))
            .Select(AddressCodec.Encode)
            .Distinct()
            .ToDictionary(network => network, _ => (byte)1);

    private static Dictionary<DpVlanKey, uint> VlansOf(HostSnapshot host) =>
        host
            .Interfaces.Where(one => one.Vlan is not null)
            .ToDictionary(
                one => new DpVlanKey
                {
                    Lower = (uint)one.Vlan!.Lower,
                    Id = (ushort)one.Vlan.Tag.Id,
                    ProtocolBigEndian = (ushort)IPAddress.HostToNetworkOrder((short)one.Vlan.Tag.Protocol),
                },
                one => (uint)one.Index
            );
}
