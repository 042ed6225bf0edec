using System.Collections.Immutable;
using System.Net;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Iptables;

/// <summary>
/// Keeps the bit "opened under policy" of live connections true when the policy changes: a connection whose opener may not speak any more
/// loses it, so that answers end with the rule that let it open.
/// </summary>
/// <param name="bit">The bit of the connection mark.</param>
/// <param name="revoked">
/// The bit of those that lost the other one by us. If their opener is allowed again they get it back; others never had it by right, such as one
/// that conntrack took up in the middle. In the kernel, so that a successor knows them, and whoever ends a trial.
/// </param>
internal sealed class ConnectionMarks(uint bit, uint revoked)
{
    /// <summary>Sees whether the kernel answers, before anything depends on it.</summary>
    /// <exception cref="BackendException">It does not.</exception>
    public static void Probe() => Guard(() => Conntrack.Read().Length);

    /// <summary>Marks what a new policy allows, and unmarks what it does not.</summary>
    /// <param name="policy">The policy that is in force now.</param>
    /// <param name="places">Its units.</param>
    /// <param name="host">The host's addresses.</param>
    /// <param name="isFirst">Whether nothing was enforced before: then connections that are open were opened under no policy at all.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public void Follow(CompiledPolicy policy, UnitPlaces places, HostSnapshot host, bool isFirst)
    {
        var openers = new OpenerJudge(policy, places, host);
        Guard(() =>
        {
            ImmutableArray<ConntrackEntry> entries = Conntrack.Read();
            List<ConntrackEntry> lost = [.. entries.Where(entry => IsMarked(entry) && openers.MaySpeak(entry) is false)];
            List<ConntrackEntry> regained = [.. entries.Where(entry => !IsMarked(entry) && (isFirst || IsRevoked(entry)) && openers.MaySpeak(entry) is true)];
            Conntrack.SetMark(lost, revoked, bit | revoked);
            Conntrack.SetMark(regained, bit, bit | revoked);
            return lost.Count + regained.Count;
        });
    }

    /// <summary>Takes both bits from every connection.</summary>
    /// <param name="dryRun">Only count.</param>
    /// <returns>How many had one.</returns>
    /// <exception cref="BackendException">Refused.</exception>
    public int Clear(bool dryRun) =>
        Guard(() =>
        {
            List<ConntrackEntry> marked = [.. Conntrack.Read().Where(entry => IsMarked(entry) || IsRevoked(entry))];
            Conntrack.SetMark(dryRun ? [] : marked, 0, bit | revoked);
            return marked.Count;
        });

    private bool IsMarked(ConntrackEntry entry) => (entry.Mark & bit) != 0;

    private bool IsRevoked(ConntrackEntry entry) => (entry.Mark & revoked) != 0;

    private static int Guard(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (KernelException refusal)
        {
            throw new BackendException($"{refusal.Message}: tracked connections need the kernel modules nf_conntrack and nf_conntrack_netlink", refusal);
        }
    }

    /// <summary>Judges the openers of connections by the tables, as the hooks would.</summary>
    private sealed class OpenerJudge
    {
        private readonly CompiledPolicyReader _reader;
        private readonly CompiledPolicy _policy;
        private readonly HashSet<int> _pods;
        private readonly HashSet<IPAddress> _addresses;
        private readonly ImmutableArray<IPNetwork> _networks;
        private readonly bool _judgesHost;

        public OpenerJudge(CompiledPolicy policy, UnitPlaces places, HostSnapshot host)
        {
            _policy = policy;
            _reader = new CompiledPolicyReader(policy);
            _pods = [.. places.Pods.Select(pod => pod.Unit.Number)];
            _addresses = [.. host.Addresses];
            _networks = host.LocalNetworks;
            _judgesHost = places.Host is not null;
        }

        /// <summary>Whether every judge of the opener's packets allows them; null when there is none.</summary>
        public bool? MaySpeak(ConntrackEntry entry)
        {
            (ConntrackTuple sent, ConntrackTuple answered) = (entry.Original, entry.Reply);
            // Whoever sends judges what the packet says before DNAT when it is a pod, after it when it is the host; receivers likewise.
            var said = new List<bool>();
            if (PodOf(sent.Source) is { } sender)
            {
                said.Add(MaySpeak(sender, Direction.Outgoing, sent.Destination, sent, sent.DestinationPort));
            }

            if (_judgesHost && IsLocal(sent.Destination) && !IsLocal(sent.Source))
            {
                said.Add(MaySpeak(LocalUnit.HostNumber, Direction.Incoming, sent.Source, sent, sent.DestinationPort));
            }

            if (_judgesHost && IsLocal(sent.Source) && !IsLocal(answered.Source))
            {
                said.Add(MaySpeak(LocalUnit.HostNumber, Direction.Outgoing, answered.Source, sent, answered.SourcePort));
            }

            if (PodOf(answered.Source) is { } receiver)
            {
                said.Add(MaySpeak(receiver, Direction.Incoming, sent.Source, sent, answered.SourcePort));
            }

            return said.Count == 0 ? null : said.TrueForAll(one => one);
        }

        private bool MaySpeak(int unit, Direction direction, IPAddress peer, ConntrackTuple sent, ushort port)
        {
            PortTable table = CompiledPolicyReader.TableOf(sent.Protocol, isOnLink: false);
            ushort key = table switch
            {
                PortTable.Tcp or PortTable.Udp => port,
                PortTable.Other => sent.Protocol,
                _ => sent.IcmpTypeAndCode,
            };
            return _reader.Judge(unit, direction, AddressKey.From(peer), table, key).Verdict == Verdict.Allow;
        }

        private bool IsLocal(IPAddress address) => _addresses.Contains(address) || _networks.Any(network => network.Contains(address)) || address.IsIPv6Multicast || IPAddress.IsLoopback(address);

        private int? PodOf(IPAddress address)
        {
            AddressKey key = AddressKey.From(address);
            int unit = key.IsIPv6
                ? _policy.Peers.IPv6[LastNotAfter(_policy.Peers.IPv6, key.Value)].Unit
                : _policy.Peers.IPv4[LastNotAfter(_policy.Peers.IPv4, (uint)key.Value)].Unit;
            return _pods.Contains(unit) ? unit : null;
        }

        private static int LastNotAfter<TAddress>(ImmutableArray<PeerRange<TAddress>> ranges, TAddress address)
            where TAddress : unmanaged, IComparable<TAddress>
        {
            int found = ranges.BinarySearch(
                new PeerRange<TAddress>(address, 0, 0),
                Comparer<PeerRange<TAddress>>.Create((left, right) => left.First.CompareTo(right.First))
            );
            return found >= 0 ? found : ~found - 1;
        }
    }
}
