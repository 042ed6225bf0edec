using System.Buffers.Binary;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Bench.Filters;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Lab.Networks;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Packets;

/// <summary>
/// A network namespace in which the shipped backend enforces a policy on one interface, and the bench's programs over the very maps that
/// it has filled.
/// </summary>
internal sealed class PacketLab : IAsyncDisposable
{
    // struct __sk_buff of linux/bpf.h.
    private const int ContextBytes = 192;
    private const int InterfaceOffset = 40;

    private const string Uplink = "up0";
    private const string Downlink = "down0";

    // Room for all flows of a bench: an LRU map evicts long before it is full.
    private const int Flows = 1 << 19;

    private readonly LabNetwork _network;
    private readonly LabHost _host;
    private readonly EbpfBackend _backend;
    private readonly BpfObject _bench;
    private readonly HostSnapshot _snapshot;
    private readonly byte[] _frame = Frame();
    private readonly byte[] _context = new byte[ContextBytes];

    private readonly LabHost _peer;

    private PacketLab(LabNetwork network, (LabHost Host, LabHost Peer) hosts, EbpfBackend backend, BpfObject bench, HostSnapshot snapshot)
    {
        (_network, (_host, _peer), _backend, _bench, _snapshot) = (network, hosts, backend, bench, snapshot);
        int index = snapshot.Interfaces.Single(one => one.Name == Uplink).Index;
        BinaryPrimitives.WriteInt32LittleEndian(_context.AsSpan(InterfaceOffset), index);
        // ingress_ifindex stays 0, as with packets that the host made itself; at ingress nobody asks for it.
    }

    /// <summary>Enforces a policy and loads the bench over it.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="xdp">Whether packets are dropped early, at XDP.</param>
    /// <param name="keepsAccounts">Whether flows have accounts.</param>
    public static async Task<PacketLab> StartAsync(PacketPolicy policy, XdpChoice xdp = XdpChoice.Off, bool keepsAccounts = false)
    {
        string name = LabNetwork.PrefixFor("dpbench");
        var network = new LabNetwork(name);
        LabHost host = await network.AddHostAsync("host");
        LabHost peer = await network.AddHostAsync("peer");
        await LabNetwork.ConnectAsync(host, Uplink, peer, Downlink);
        await host.AddAddressAsync(Uplink, new AddressKey(false, PacketPolicy.Host).ToAddress(), 32);
        var options = new EbpfOptions { Instance = $"{name}-{policy.Prefixes}", ArenaBytes = 128L << 20, MaxTcpFlows = Flows, MaxOtherFlows = Flows, MaxNewFlows = Flows, Xdp = xdp, KeepsAccounts = keepsAccounts };
        var backend = new EbpfBackend(options);
        try
        {
            int downlink = peer.Run(() => HostObserver.Read().Interfaces.Single(one => one.Name == Downlink).Index);
            (BpfObject bench, HostSnapshot snapshot) = host.Run(() =>
            {
                HostSnapshot seen = HostObserver.Read();
                backend.Apply(policy.Compiled, seen);
                return (Load(options, downlink), seen);
            });
            FillReferences(bench, policy);
            return new PacketLab(network, (host, peer), backend, bench, snapshot) { Pins = Path.Combine(options.BpfFileSystem, "datapath", options.Instance) };
        }
        catch
        {
            host.Run(() => backend.Remove(dryRun: false));
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Puts another policy in force.</summary>
    /// <param name="policy">The policy.</param>
    public void Swap(PacketPolicy policy) => _host.Run(() => _backend.Apply(policy.Compiled, _snapshot));

    /// <summary>Chooses the packets of the following runs.</summary>
    /// <param name="tuples">65,536 or a smaller power of two.</param>
    public void Use(BenchTuple[] tuples)
    {
        uint[] keys = [.. Enumerable.Range(0, tuples.Length).Select(i => (uint)i)];
        _bench.Map("bench_tuples").UpdateBatch<uint, BenchTuple>(keys, tuples);
        _bench.Map("bench_bits").Update(0u, (uint)int.Log2(tuples.Length));
    }

    /// <summary>Lets what programs remember of earlier packets be over, as it is a second later.</summary>
    public void Forget()
    {
        foreach (string memory in (string[])["dp_digests", "dp_recollections"])
        {
            using MappedArray values = _bench.Map(memory).MapMemory();
            values.Bytes.Clear();
        }
    }

    /// <summary>Where the instance has its pins.</summary>
    private string Pins { get; init; } = "";

    /// <summary>Puts a program of the bench in the place of the shipped one at XDP.</summary>
    /// <param name="program">Which.</param>
    public void PutAtXdp(string program)
    {
        using BpfLink link = BpfLink.OpenPinned(Directory.EnumerateFiles(Pins, "xdp-*", SearchOption.AllDirectories).Single());
        link.Update(_bench.Program(program));
    }

    /// <summary>Sends frames to the host, and says what each took, from being made to being dropped, in nanoseconds.</summary>
    /// <param name="times">How many.</param>
    public double Flood(int times)
    {
        byte[] frame = [.. _frame];
        PhysicalAddress.Parse(_snapshot.Interfaces.Single(one => one.Name == Uplink).HardwareAddress).GetAddressBytes().CopyTo(frame, 0);
        return _peer.Run(() => _bench.Program("bench_send").RunLive(frame, times));
    }

    /// <summary>Runs a program so often and says what a run took, in nanoseconds.</summary>
    /// <remarks>Always on one processor, as the packets of a flow are: what is remembered of them is remembered there.</remarks>
    public double Run(string program, int times) =>
        _host.Run(() =>
        {
            FrameSender.StayOn(Environment.ProcessorCount - 1);
            return _bench.Program(program).TestRun(_frame, _context, times).DurationNanoseconds;
        });

    /// <summary>What a program did with so many packets.</summary>
    /// <returns>Its sum of results, and how many packets were counted under some rule.</returns>
    public (ulong Sum, ulong Judged) Watch(string program, int times)
    {
        (ulong sum, ulong judged) = (Sum(), Judged());
        Run(program, times);
        return (Sum() - sum, Judged() - judged);
    }

    /// <summary>The backend's counters, as the agent reads them.</summary>
    public BackendCounters ReadCounters() => _host.Run(() => _backend.ReadCounters());

    private ulong Sum() => _bench.Map("bench_sink").Lookup<uint, ulong>(0);

    /// <summary>How many packets were counted under some rule.</summary>
    public ulong Judged() => ReadCounters().Rules.Values.Aggregate(0UL, (sum, one) => sum + (ulong)one.Packets);

    public async ValueTask DisposeAsync()
    {
        _bench.Dispose();
        _host.Run(() => _backend.Remove(dryRun: false));
        _backend.Dispose();
        await _network.DisposeAsync();
    }

    private static BpfObject Load(EbpfOptions options, int downlink)
    {
        using Stream resource = typeof(PacketLab).Assembly.GetManifestResourceStream("bench.bpf.o")!;
        var bytes = new byte[resource.Length];
        resource.ReadExactly(bytes);
        BpfObject bench = BpfObject.Open(bytes, "dp_bench");
        bench.SetKnob("dp_jiffies_per_second", (uint)KernelClock.JiffiesPerSecond());
        bench.SetKnob("dp_keeps_accounts", options.KeepsAccounts ? 1u : 0u);
        bench.SetKnob("bench_device", (uint)downlink);
        // The maps of the instance, of the size that they were made with.
        string root = Path.Combine(options.BpfFileSystem, "datapath", options.Instance);
        foreach (string pin in Directory.EnumerateFiles(root, "dp_*", SearchOption.AllDirectories))
        {
            string map = Path.GetFileName(pin);
            if (bench.MapNames.Contains(map))
            {
                using BpfMap pinned = BpfMap.OpenPinned(pin);
                bench.SetMaxEntries(map, pinned.MaxEntries);
                bench.Reuse(map, pinned);
            }
        }
        bench.SetMaxEntries("bench_flows", Flows);
        bench.SetKnob("dp_memory_sets", (uint)options.MemorySets);
        bench.SetMaxEntries("dp_digests", (uint)(options.MemorySets * PossibleCpus.Count));
        bench.SetMaxEntries("dp_recollections", (uint)(options.MemorySets * PossibleCpus.Count));
        bench.Load();
        return bench;
    }

    private static void FillReferences(BpfObject bench, PacketPolicy policy)
    {
        BpfMap identities = bench.Map("bench_identities");
        foreach ((IpPrefix prefix, int network) in policy.Entries)
        {
            identities.Update(new Prefix4(prefix), (uint)network + 1);
        }
        BpfMap rules = bench.Map("bench_rules");
        foreach ((int network, KeyRange ports) in policy.IncomingRules)
        {
            for (int port = ports.First; port <= ports.Last; port++)
            {
                rules.Update(new RuleKey(network + 1, IanaProtocol.Tcp, (ushort)port), 1u);
            }
        }
    }

    // Ethernet, IPv4 and TCP headers, and a few bytes of payload; the programs write the tuple in.
    private static byte[] Frame()
    {
        var frame = new byte[64];
        // To everybody: a frame for another station would be left to it.
        frame.AsSpan(0, 6).Fill(0xff);
        frame[12] = 0x08;
        frame[14] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(16), (ushort)(frame.Length - 14));
        frame[22] = 64;
        frame[23] = IanaProtocol.Tcp;
        frame[46] = 0x50;
        return frame;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Prefix4(IpPrefix prefix)
    {
        public readonly uint Bits = (uint)prefix.Length;
        public readonly uint Address = BinaryPrimitives.ReverseEndianness((uint)AddressSpan.Of(prefix).First);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct RuleKey(int identity, byte protocol, ushort port)
    {
        public readonly uint Bits = 64;
        public readonly uint Identity = BinaryPrimitives.ReverseEndianness((uint)identity);
        public readonly byte Direction = 0;
        public readonly byte Protocol = protocol;
        public readonly ushort Port = BinaryPrimitives.ReverseEndianness(port);
    }
}
