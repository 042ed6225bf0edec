using System.Collections.Immutable;
using System.Diagnostics;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Flows;
using Datapath.Interop.Processes;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Wire;

/// <summary>The shipped iptables backend on a host of a <see cref="WireNetwork"/>.</summary>
internal sealed class WireHost : IDisposable
{
    // The kernel gathers events for up to 20 ms before it hands them over.
    private static readonly TimeSpan EventDelay = TimeSpan.FromMilliseconds(30);

    private IptablesBackend _backend = NewBackend();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly List<FlowEvent> _events = [];
    private ImmutableDictionary<int, PacketCount> _counted = ImmutableDictionary<int, PacketCount>.Empty;

    public WireHost() => Driver = new WireDriver(Network, isTracked: true);

    public WireNetwork Network { get; } = new(isTracked: true);

    public WireDriver Driver { get; }

    /// <summary>Another case begins: the host has other addresses and knows no connection.</summary>
    public void Begin(CompiledCase one)
    {
        Network.SetAddresses(one.HostAddresses);
        Network.OnHost(() => CommandRunner.Run("conntrack", "-F"));
    }

    /// <summary>Enforces a policy. To be called on the host.</summary>
    /// <returns>Its generation.</returns>
    public uint Enforce(CompiledCase one, int version)
    {
        HostSnapshot host = HostObserver.Read() with { Addresses = [.. one.HostAddresses.Select(address => address.ToAddress())] };
        uint generation = _backend.Apply(one.Versions[version], host).Generation;
        _ = TakeCounts();
        _ = TakeEvents();
        return generation;
    }

    /// <summary>Another agent takes over. To be called on the host.</summary>
    public void Restart()
    {
        _backend.Dispose();
        _backend = NewBackend();
        _backend.Adopt();
    }

    /// <summary>How many packets each rule has decided, since there is a policy.</summary>
    public ImmutableDictionary<int, PacketCount> Totals() => _backend.ReadCounters().Rules;

    /// <summary>Begins the counts of a rule at zero.</summary>
    public void Zero(int rule) => _backend.ZeroCounters([rule]);

    /// <summary>How many packets each rule has decided since the last look.</summary>
    public Dictionary<int, long> TakeCounts()
    {
        ImmutableDictionary<int, PacketCount> now = Totals();
        var moved = now.ToDictionary(one => one.Key, one => one.Value.Packets - (_counted.TryGetValue(one.Key, out PacketCount before) ? before.Packets : 0));
        _counted = now;
        return moved;
    }

    /// <summary>What was reported since the last look.</summary>
    /// <param name="expected">How many are waited for, as long as that makes sense.</param>
    public ImmutableArray<FlowEvent> TakeEvents(int expected = 0)
    {
        _events.Clear();
        long start = Stopwatch.GetTimestamp();
        do
        {
            Task.Delay(EventDelay).Wait();
            _backend.ReadEvents(_events.Add);
        } while (_events.Count < expected && Stopwatch.GetElapsedTime(start) < Patience);
        return [.. _events];
    }

    private static IptablesBackend NewBackend() => new(new IptablesOptions { Instance = "wire", EventsPerSecond = int.MaxValue });

    public void Dispose()
    {
        _backend.Dispose();
        Driver.Dispose();
        Network.Dispose();
    }
}
