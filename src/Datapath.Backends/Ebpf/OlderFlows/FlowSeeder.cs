using System.Net.Sockets;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>
/// Fills the tables of flows with the connections that are older than enforcement, so that the first policy cuts none that it allows. Each
/// has a generation that never judged: its next packet has its opener judged.
/// </summary>
/// <param name="loaded">The loaded object.</param>
/// <param name="marks">Where entries are counted.</param>
/// <param name="now">What the entries are stamped with, in jiffies.</param>
internal sealed class FlowSeeder(BpfObject loaded, FlowMarks marks, ulong now)
{
    private readonly HashSet<string> _full = [];

    /// <summary>How many entries were made.</summary>
    public int Made { get; private set; }

    /// <summary>Takes what connection tracking knows of a network namespace: the opener, and what NAT makes of addresses.</summary>
    /// <param name="owners">Whose addresses are whose.</param>
    /// <param name="isWanted">Which of them.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public void SeedTracked(AddressOwners owners, Predicate<OlderFlow> isWanted) =>
        Conntrack.Read(entry =>
        {
            foreach (OlderFlow flow in TrackedFlows.Of(entry, owners).Where(flow => isWanted(flow)))
            {
                Put(flow);
            }
        });

    /// <summary>Takes what the sockets of a unit know: who was called, of connections that nobody tracks.</summary>
    /// <param name="unit">Number of the unit.</param>
    /// <param name="sockets">All of its network namespace.</param>
    public void SeedSockets(int unit, IReadOnlyCollection<TcpSocket> sockets)
    {
        foreach (SocketFlow flow in SocketFlows.Of(sockets))
        {
            Put(OlderFlow.Of(unit, flow));
        }
    }

    private void Put(OlderFlow flow)
    {
        if (flow.Opener.AddressFamily == AddressFamily.InterNetwork)
        {
            MapName<DpFlowKey4, DpFlow> proved = flow.IsTcp ? DpMaps.LiveTcp4 : DpMaps.LiveOther4;
            DpFlowKey4 key = FlowEntries.KeyOfIPv4(flow);
            Put(flow.IsProved ? proved : flow.IsTcp ? DpMaps.NewTcp4 : DpMaps.NewOther4, key, FlowMarks.HashOf(key), flow);
        }
        else
        {
            MapName<DpFlowKey6, DpFlow> proved = flow.IsTcp ? DpMaps.LiveTcp6 : DpMaps.LiveOther6;
            DpFlowKey6 key = FlowEntries.KeyOfIPv6(flow);
            Put(flow.IsProved ? proved : flow.IsTcp ? DpMaps.NewTcp6 : DpMaps.NewOther6, key, FlowMarks.HashOf(key), flow);
        }
    }

    /// <summary>Who came first knows better, be it a program; what finds no room is as if it were not known.</summary>
    private void Put<TKey>(MapName<TKey, DpFlow> name, TKey key, uint hash, OlderFlow flow)
        where TKey : unmanaged
    {
        BpfMap<TKey, DpFlow> map = loaded.Map(name);
        if (_full.Contains(name.Name) || map.TryLookup(key, out _))
        {
            return;
        }

        // One that is not proved is never taken off: it costs its slot lookups, until the next purge.
        marks.Add(hash);
        try
        {
            map.Update(key, FlowEntries.ValueOf(flow, now), MapUpdate.OnlyNew);
            Made++;
        }
        catch (KernelException refusal) when (refusal.Number == Errno.Exists)
        {
            // A packet of the flow made it between the two calls.
            marks.Remove(hash);
        }
        catch (KernelException refusal) when (refusal.Number is Errno.TooBig or Errno.NoMemory or Errno.Busy)
        {
            _full.Add(name.Name);
            marks.Remove(hash);
        }
    }
}
