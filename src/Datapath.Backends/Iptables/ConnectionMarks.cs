using System.Collections.Immutable;
using System.Net;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;

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
/// <param name="cgroup">The bit of those that a unit opened which is a cgroup.</param>
internal sealed class ConnectionMarks(uint bit, uint revoked, uint cgroup)
{
    /// <summary>How many bits of the connection mark are ours.</summary>
    public const int Bits = 3;

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
        var openers = new OpenerJudge(policy, places, host, cgroup);
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

    /// <summary>Tells conntrack of connections that it does not know, with the mark that the policy gives them.</summary>
    /// <param name="policy">The policy that comes.</param>
    /// <param name="places">Its units.</param>
    /// <param name="host">The host's addresses.</param>
    /// <param name="flows">The connections, better knowledge first.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public void TakeUp(CompiledPolicy policy, UnitPlaces places, HostSnapshot host, IEnumerable<RememberedFlow> flows) =>
        Guard(() =>
        {
            new OlderConnections(new OpenerJudge(policy, places, host, cgroup), bit, revoked).TakeUp(flows);
            return 0;
        });

    /// <summary>Takes all bits from every connection.</summary>
    /// <param name="dryRun">Only count.</param>
    /// <returns>How many had one.</returns>
    /// <exception cref="BackendException">Refused.</exception>
    public int Clear(bool dryRun) =>
        Guard(() =>
        {
            List<ConntrackEntry> marked = [.. Conntrack.Read().Where(entry => (entry.Mark & (bit | revoked | cgroup)) != 0)];
            Conntrack.SetMark(dryRun ? [] : marked, 0, bit | revoked | cgroup);
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
        var openers = new OpenerJudge(policy, places, host, cgroup);
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
}
