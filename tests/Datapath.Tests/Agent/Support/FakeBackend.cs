using System.Collections.Concurrent;
using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Tests.Agent.Support;

/// <summary>Stands in for the kernel: remembers what it was told to enforce, and refuses when told to.</summary>
internal sealed class FakeBackend : IBackend
{
    private readonly ConcurrentQueue<FlowEvent> _events = new();
    private readonly List<CompiledPolicy> _applied = [];
    private readonly Lock _turn = new();
    private int _callers;
    private uint _highest;

    public string Name { get; init; } = "ebpf";

    public void Settle() => Settled++;

    /// <summary>What an earlier agent left in force.</summary>
    public uint Generation
    {
        get;
        set
        {
            field = value;
            _highest = Math.Max(_highest, value);
        }
    }

    /// <summary>What is pending. Time does not pass here: a test lets it be over.</summary>
    public PendingLease Lease { get; set; }

    /// <summary>The generation to fall back to.</summary>
    public uint Before { get; set; }

    /// <summary>The policies to fall back to that were given while one was on trial.</summary>
    public ImmutableArray<CompiledPolicy> Fallbacks { get; private set; } = [];

    /// <summary>Thrown by the next applies.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>Called by each apply, before it does anything.</summary>
    public Action Applying { get; set; } = () => { };

    /// <summary>So many applies find a place for the host that the kernel refuses.</summary>
    public int RefusedPlaces { get; set; }

    /// <summary>How often it was asked to let go of what only an apply needs.</summary>
    public int Settled { get; private set; }

    /// <summary>What there is to purge.</summary>
    public ImmutableArray<string> Objects { get; set; } = [];

    /// <summary>What a purge cannot remove.</summary>
    public ImmutableArray<string> Stuck { get; set; } = [];

    /// <summary>Rules whose counters were zeroed, in that order.</summary>
    public ImmutableArray<int> Zeroed { get; private set; } = [];

    public bool IsDisposed { get; private set; }

    /// <summary>True when two callers were inside at once, which the seam forbids.</summary>
    public bool WasEnteredTwice { get; private set; }

    public ImmutableArray<CompiledPolicy> Applied
    {
        get
        {
            lock (_turn)
            {
                return [.. _applied];
            }
        }
    }

    public void Happens(FlowEvent flow) => _events.Enqueue(flow);

    public uint Adopt() => Generation;

    /// <summary>Called by each preparation.</summary>
    public Action Preparing { get; set; } = () => { };

    /// <summary>How often it was prepared.</summary>
    public int Prepared { get; private set; }

    public void Prepare()
    {
        Enter();
        try
        {
            Prepared++;
            Preparing();
        }
        finally
        {
            Leave();
        }
    }

    public ApplyReport Apply(CompiledPolicy policy, HostSnapshot host, ApplyOptions? options = null)
    {
        Applying();
        Enter();
        try
        {
            if (Refusal is not null)
            {
                throw Refusal;
            }

            ApplyOptions wanted = options ?? ApplyOptions.None;
            if (Lease.Kind == LeaseKind.Confirm && wanted.Fallback is null)
            {
                throw new BackendException("a policy waits for confirmation");
            }

            lock (_turn)
            {
                _applied.Add(policy);
                Fallbacks = wanted.Fallback is null ? Fallbacks : Fallbacks.Add(wanted.Fallback);
            }

            if (wanted.ConfirmWithin is { } time)
            {
                Before = Generation;
                Lease = new PendingLease(LeaseKind.Confirm, time);
            }

            Generation = ++_highest;
            ImmutableArray<UnitAttachment> places = [.. host.Interfaces.Select(one => new UnitAttachment(1, one.Name, one.Index, "tcx"))];
            ImmutableArray<UnitNotEnforced> absent =
            [
                .. policy.Units.Where(unit => unit.Number > 1).Select(unit => new UnitNotEnforced(unit.Number, "no such interface")),
                .. RefusedPlaces-- > 0 ? [new UnitNotEnforced(1, "interface eth0: no", MayBeLater: true)] : ImmutableArray<UnitNotEnforced>.Empty,
            ];
            return new ApplyReport(Generation, Changed: true, places, absent, BytesUsed: 4096, BytesAvailable: 1 << 20, new MatrixReport("dense", 1024));
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>What the next look finds.</summary>
    public string? Damage { get; set; }

    public RepairReport? Repair()
    {
        Enter();
        RepairReport? report = Damage is { } damage ? new RepairReport(++Generation, damage) : null;
        Damage = null;
        Leave();
        return report;
    }

    public PendingLease ReadLease() => Lease;

    public bool Confirm()
    {
        bool isInTime = Lease is { Kind: LeaseKind.Confirm, IsOver: false };
        Lease = isInTime ? PendingLease.None : Lease;
        return isInTime;
    }

    public uint Rollback()
    {
        if (Lease.Kind != LeaseKind.Confirm)
        {
            throw new BackendException("no policy waits for confirmation");
        }

        Lease = PendingLease.None;
        return Generation = Before;
    }

    public void Pause(TimeSpan time) => Lease = new PendingLease(LeaseKind.Pause, time);

    public bool Resume()
    {
        bool wasPaused = Lease.Kind == LeaseKind.Pause;
        Lease = wasPaused ? PendingLease.None : Lease;
        return wasPaused;
    }

    public int ReadEvents(Action<FlowEvent> onEvent)
    {
        Enter();
        int count = 0;
        while (_events.TryDequeue(out FlowEvent? flow))
        {
            onEvent(flow);
            count++;
        }

        Leave();
        return count;
    }

    /// <summary>What it says of its tables.</summary>
    public FlowUsage Flows { get; set; } = FlowUsage.None;

    /// <summary>Packets and bytes of rules.</summary>
    public IReadOnlyDictionary<int, (long Packets, long Bytes)> Counts { get; set; } = new Dictionary<int, (long, long)>();

    /// <summary>Verdicts by where.</summary>
    public ImmutableArray<VerdictCount> Verdicts { get; set; } = [];

    /// <summary>Other counts by name.</summary>
    public IReadOnlyDictionary<string, long> Statistics { get; set; } = new Dictionary<string, long>();

    /// <summary>Thrown by the next reads of counters.</summary>
    public Exception? CounterRefusal { get; set; }

    /// <summary>How often counters were read.</summary>
    public int CounterReads { get; private set; }

    public BackendCounters ReadCounters()
    {
        CounterReads++;
        if (CounterRefusal is not null)
        {
            throw CounterRefusal;
        }

        return new BackendCounters(
            Counts.ToImmutableDictionary(one => one.Key, one => new PacketCount(one.Value.Packets, one.Value.Bytes)),
            ImmutableDictionary<DropReason, PacketCount>.Empty,
            Statistics.ToImmutableDictionary(StringComparer.Ordinal)
        )
        {
            Verdicts = Verdicts,
        };
    }

    public void ZeroCounters(ImmutableArray<int> ruleIndexes)
    {
        Enter();
        Zeroed = Zeroed.AddRange(ruleIndexes);
        Leave();
    }

    public FlowUsage CollectFlows()
    {
        Enter();
        Leave();
        return Flows;
    }

    /// <summary>What it remembers of connections.</summary>
    public ImmutableArray<LiveConnection> Connections { get; set; } = [];

    public LiveConnections ReadConnections(int? unit, int most)
    {
        Enter();
        ImmutableArray<LiveConnection> wanted = [.. Connections.Where(one => unit is null || one.Unit == unit)];
        Leave();
        return new LiveConnections([.. wanted.Take(most)], wanted.Length);
    }

    /// <summary>Thrown by a removal.</summary>
    public Exception? RemovalRefusal { get; set; }

    public RemovalReport Remove(bool dryRun)
    {
        if (RemovalRefusal is not null)
        {
            throw RemovalRefusal;
        }

        RemovalReport report = new(Objects, dryRun ? Objects : Stuck);
        Objects = dryRun ? Objects : Stuck;
        return report;
    }

    public void Dispose() => IsDisposed = true;

    private void Enter() => WasEnteredTwice |= Interlocked.Increment(ref _callers) > 1;

    private void Leave() => Interlocked.Decrement(ref _callers);
}
