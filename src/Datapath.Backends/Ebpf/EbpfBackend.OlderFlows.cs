using System.Collections.Immutable;
using Datapath.Backends.Ebpf.OlderFlows;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <content>Connections that are older than enforcement.</content>
public sealed partial class EbpfBackend
{
    /// <inheritdoc/>
    public IReadOnlyCollection<RememberedFlow>? ReadFlows(CompiledPolicy policy, HostSnapshot host)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(host);
        return _pins.Exists() ? Guard(() => new RememberedFlows(_pins, SegmentObject.ReadTimeouts(), new AddressOwners(policy.Peers, host)).Read()) : null;
    }

    /// <summary>Before the first packet is judged: what is read here needs no proof later.</summary>
    private OlderFlowsReport TakeUpOlderFlows(Session session, CompiledPolicy policy, HostSnapshot host, DesiredAttachments desired)
    {
        var problems = ImmutableArray.CreateBuilder<string>();
        int takenOver = 0;
        Try(() => takenOver = TakeOver(session, problems));
        // What opens from here on and before the attachment is not lost: UDP may answer without proof, TCP has its sockets, and what is translated
        // is looked for again. Where an agent of another version judged, all that was allowed is in its tables, which are read again as well.
        bool isDoubtful = options.DoubtTime > TimeSpan.Zero && (takenOver == 0 || problems.Count > 0);
        session.Arena.DoubtUntil = isDoubtful ? NanosecondsSinceBoot() + (ulong)(options.DoubtTime.Ticks * TimeSpan.NanosecondsPerTick) : 0;
        var seeder = new FlowSeeder(session.Loaded, session.Marks, session.Clock.Now());
        Try(() => SeedTracked(seeder, policy, host, _ => true));
        int tracked = seeder.Made;
        Try(() => seeder.SeedSockets(LocalUnit.HostNumber, SocketTable.ReadTcp()));
        Try(() => SeedSocketsOfPods(seeder, host, desired));
        return new OlderFlowsReport(tracked, seeder.Made - tracked, problems.ToImmutable()) { TakenOver = takenOver };

        void Try(Action read)
        {
            try
            {
                read();
            }
            catch (KernelException refusal)
            {
                problems.Add(refusal.Message);
            }
        }
    }

    /// <summary>
    /// After the attachment: translated connections that opened meanwhile, which no socket proves. Only where both ends agreed, because
    /// tracking also has the first packets that were refused at our hooks since.
    /// </summary>
    /// <remarks>
    /// Where an agent was killed between switch and attachment, nobody knows what went before: then it is the tables of the other version that are
    /// read again, which went on judging.
    /// </remarks>
    private OlderFlowsReport TakeUpLatecomers(Session session, CompiledPolicy policy, HostSnapshot host, OlderFlowsReport? known)
    {
        OlderFlowsReport before = known ?? new OlderFlowsReport(0, 0, []);
        var seeder = new FlowSeeder(session.Loaded, session.Marks, session.Clock.Now());
        int takenOver = before.TakenOver;
        try
        {
            takenOver += TakeOver(session, ImmutableArray.CreateBuilder<string>());
            if (known is not null)
            {
                SeedTracked(seeder, policy, host, flow => flow is { IsTcp: true, State: DpFlowState.Established });
            }
        }
        catch (KernelException)
        {
            // Said before.
        }

        return before with { Tracked = before.Tracked + seeder.Made, TakenOver = takenOver };
    }

    /// <summary>The flows that agents of other versions have let open.</summary>
    private int TakeOver(Session session, ImmutableArray<string>.Builder problems)
    {
        var transfer = new LayoutTransfer(session.Loaded, session.Marks);
        foreach (string maps in _pins.MapsOfOtherLayouts())
        {
            foreach (string table in LayoutTransfer.Tables.Where(table => File.Exists(Path.Combine(maps, table))))
            {
                using BpfMap old = BpfMap.OpenPinned(Path.Combine(maps, table));
                if (transfer.Take(old, table) is { } problem)
                {
                    problems.Add(problem);
                }
            }
        }

        return transfer.Made;
    }

    private static void SeedTracked(FlowSeeder seeder, CompiledPolicy policy, HostSnapshot host, Predicate<OlderFlow> isWanted)
    {
        if (Conntrack.IsLoaded)
        {
            seeder.SeedTracked(new AddressOwners(policy.Peers, host), isWanted);
        }
    }

    private static void SeedSocketsOfPods(FlowSeeder seeder, HostSnapshot host, DesiredAttachments desired)
    {
        ILookup<int, int> units = host
            .Interfaces.Where(one => one.PeerNamespace is not null && UnitAt(one) is not LocalUnit.HostNumber)
            .ToLookup(one => one.PeerNamespace!.Value, UnitAt);
        foreach ((int number, NetworkNamespace pod) in PeerNamespaces.Open(units.Select(one => one.Key).ToHashSet()))
        {
            using (pod)
            {
                ImmutableArray<TcpSocket> sockets = pod.Run(SocketTable.ReadTcp);
                foreach (int unit in units[number])
                {
                    seeder.SeedSockets(unit, sockets);
                }
            }
        }

        int UnitAt(HostInterface one) => desired.Interfaces.TryGetValue((uint)one.Index, out DpInterface place) ? place.Unit : LocalUnit.HostNumber;
    }

    private static FlowUsage CollectFlows(Session session)
    {
        if (session.Arena.DoubtUntil is not 0 and var until && NanosecondsSinceBoot() >= until)
        {
            // So that programs need not read the clock for whatever they refuse.
            session.Arena.DoubtUntil = 0;
        }

        return session.Flows.Collect();
    }

    private static ulong NanosecondsSinceBoot() => (ulong)(KernelClock.SinceBoot().Ticks * TimeSpan.NanosecondsPerTick);
}
