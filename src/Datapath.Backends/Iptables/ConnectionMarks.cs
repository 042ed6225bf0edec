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

    /// <summary>The tracked connections of the units of this host.</summary>
    /// <param name="policy">The policy that is in force.</param>
    /// <param name="places">Its units.</param>
    /// <param name="host">The host's addresses.</param>
    /// <param name="unit">Number of the unit whose connections are wanted; null for all.</param>
    /// <param name="most">How many are wanted at most; the others are counted.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public LiveConnections Read(CompiledPolicy policy, UnitPlaces places, HostSnapshot host, int? unit, int most)
    {
        var openers = new OpenerJudge(policy, places, host);
        Dictionary<RuleIdentity, int> indexes = policy.Rules.ToDictionary(rule => rule.Rule, rule => rule.Index);
        var found = ImmutableArray.CreateBuilder<LiveConnection>();
        long total = 0;
        Guard(() =>
        {
            Conntrack.Read(entry =>
            {
                foreach (JudgedOpener one in openers.JudgesOf(entry).Where(one => unit is null || one.Unit == unit))
                {
                    total++;
                    if (found.Count < most)
                    {
                        found.Add(Connection(entry, one, IsMarked(entry) ? indexes[openers.Judge(one).Rule] : null));
                    }
                }
            });
            return 0;
        });
        return new LiveConnections(found.ToImmutable(), total);
    }

    private static LiveConnection Connection(ConntrackEntry entry, JudgedOpener judged, int? rule)
    {
        ConntrackTuple tuple = judged.AsSeen;
        bool isEcho = tuple.IcmpTypeAndCode != 0 || tuple.EchoIdentifier != 0;
        return new LiveConnection(
            judged.Unit,
            judged.Direction,
            tuple.Protocol,
            new IPEndPoint(tuple.Source, isEcho ? tuple.EchoIdentifier : tuple.SourcePort),
            new IPEndPoint(tuple.Destination, isEcho ? tuple.EchoIdentifier : tuple.DestinationPort),
            entry.TcpState switch
            {
                null => entry.IsAnswered ? LiveConnectionState.Established : LiveConnectionState.Opening,
                ConntrackTcpState.SynSent or ConntrackTcpState.SynSentTwice or ConntrackTcpState.SynReceived => LiveConnectionState.Opening,
                ConntrackTcpState.Established => LiveConnectionState.Established,
                _ => LiveConnectionState.Closing,
            },
            rule
        )
        {
            Since = entry.Since,
        };
    }

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
            bool? all = null;
            foreach (JudgedOpener one in JudgesOf(entry))
            {
                all = (all ?? true) && Judge(one).Verdict == Verdict.Allow;
            }

            return all;
        }

        /// <summary>What a judge says of an opener's packets.</summary>
        public Judgement Judge(JudgedOpener one)
        {
            ConntrackTuple seen = one.AsSeen;
            PortTable table = CompiledPolicyReader.TableOf(seen.Protocol, isOnLink: false);
            ushort key = table switch
            {
                PortTable.Tcp or PortTable.Udp => seen.DestinationPort,
                PortTable.Other => seen.Protocol,
                _ => seen.IcmpTypeAndCode,
            };
            IPAddress peer = one.Direction == Direction.Incoming ? seen.Source : seen.Destination;
            return _reader.Judge(one.Unit, one.Direction, AddressKey.From(peer), table, key);
        }

        /// <summary>Who judges the packets of a connection's opener, and what they look like there.</summary>
        public IEnumerable<JudgedOpener> JudgesOf(ConntrackEntry entry)
        {
            (ConntrackTuple sent, ConntrackTuple answered) = (entry.Original, entry.Reply);
            // Whoever sends judges what the packet says before DNAT when it is a pod, after it when it is the host; receivers likewise.
            ConntrackTuple received = sent with { Destination = answered.Source, DestinationPort = answered.SourcePort };
            if (PodOf(sent.Source) is { } sender)
            {
                yield return new JudgedOpener(sender, Direction.Outgoing, sent);
            }

            if (_judgesHost && IsLocal(sent.Destination) && !IsLocal(sent.Source))
            {
                yield return new JudgedOpener(LocalUnit.HostNumber, Direction.Incoming, sent);
            }

            if (_judgesHost && IsLocal(sent.Source) && !IsLocal(answered.Source))
            {
                yield return new JudgedOpener(LocalUnit.HostNumber, Direction.Outgoing, received);
            }

            if (PodOf(answered.Source) is { } receiver)
            {
                yield return new JudgedOpener(receiver, Direction.Incoming, received);
            }
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

/// <summary>Who judges the packets of a connection's opener.</summary>
/// <param name="Unit">Number of the unit.</param>
/// <param name="Direction">Seen from it.</param>
/// <param name="AsSeen">What the packets say there: before or after translation of addresses.</param>
internal sealed record JudgedOpener(int Unit, Direction Direction, ConntrackTuple AsSeen);
