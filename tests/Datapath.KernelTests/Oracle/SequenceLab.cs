using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.Policy.Compilation;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Oracle;

/// <summary>
/// The shipped programs in a namespace of our own, attached by the shipped backend to an uplink and to the interfaces that random policies
/// name, run on crafted packets (BPF_PROG_TEST_RUN). Policies are written by the shipped writer; going back to one that is still there is
/// a store to the switch.
/// </summary>
internal sealed class SequenceLab : IDisposable
{
    // struct __sk_buff of linux/bpf.h.
    private const int ContextBytes = 192;
    private const int IngressInterfaceOffset = 36;
    private const int InterfaceOffset = 40;

    // TC_ACT_UNSPEC and TC_ACT_SHOT of linux/pkt_cls.h.
    private const uint Pass = uint.MaxValue;
    private const uint Drop = 2;

    // XDP_PASS and XDP_DROP of linux/bpf.h.
    private const uint XdpPass = 2;
    private const uint XdpDrop = 1;

    // struct dp_control: in_force, whose lowest bits are the slot; nothing is pending.
    private const int SwitchOffset = 48;
    private const ulong SlotMask = 0xff;

    // struct dp_generation: where the image begins, and how many lines it spans.
    private const int BaseOffset = 4;
    private const int LinesOffset = 8;

    private const int NoInterface = 0;
    private const int AnotherInterface = 1;

    private static readonly string[] Interfaces = [CompiledCase.Uplink, "if0", "if1", "if2", "if3"];

    private static int _count;

    private readonly NetworkNamespace _namespace;
    private readonly EbpfBackend _backend;
    private readonly List<FlowEvent> _events = [];
    private readonly Dictionary<(string Interface, bool IsInwards), (BpfProgram Program, int Index)> _programs = [];
    private readonly bool _xdp;
    private BpfProgram? _xdpProgram;
    private HostSnapshot? _host;
    private MappedArray? _control;
    private MappedArray? _generations;
    private MappedArray? _arena;
    private uint _highest;
    private BpfMap? _ruleCounts;
    private BpfMap? _dropCounts;
    private FlowTables? _tables;
    private MappedArray? _marks;

    /// <summary>Makes the namespace; nothing is enforced yet.</summary>
    /// <param name="xdp">Whether what comes in at the uplink is asked about at XDP before tc.</param>
    public SequenceLab(bool xdp = false)
    {
        _xdp = xdp;
        Name = string.Create(CultureInfo.InvariantCulture, $"dpo-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        var options = new EbpfOptions { Instance = Name, MaxRules = 4096, ArenaBytes = 32 << 20, EventsPerSecond = 100_000_000, DoubtTime = TimeSpan.Zero, DigestBytes = 0 };
        Ip("netns", "add", Name);
        _namespace = NetworkNamespace.OpenNamed(Name);
        foreach (string one in Interfaces)
        {
            Ip("-n", Name, "link", "add", one, "address", "02:00:00:00:00:02", "type", "veth", "peer", "name", one + "p");
        }
        if (xdp)
        {
            // A veth has its queues, of which a packet at XDP must name one, once both ends are up. The kernel itself has nothing to say there.
            _namespace.Run(() => SilenceIPv6(CompiledCase.Uplink, CompiledCase.Uplink + "p"));
            Ip("-n", Name, "link", "set", CompiledCase.Uplink, "up");
            Ip("-n", Name, "link", "set", CompiledCase.Uplink + "p", "up");
            options = options with { Xdp = XdpChoice.Auto };
        }
        _backend = new EbpfBackend(options);
        Pins = Path.Combine(options.BpfFileSystem, "datapath", Name);
    }

    public string Name { get; }

    private string Pins { get; }

    /// <summary>What is remembered of flows; there is some once a policy was enforced.</summary>
    public FlowTables Tables => _tables ?? throw new InvalidOperationException("nothing is enforced");

    /// <summary>Everything of a sequence runs in the namespace.</summary>
    public T Inside<T>(Func<T> function) => _namespace.Run(function);

    /// <summary>Enforces policies one after the other. Returns the generation of each.</summary>
    public ImmutableArray<uint> Enforce(CompiledCase one)
    {
        _host ??= Snapshot();
        HostSnapshot host = _host with { Addresses = [.. one.HostAddresses.Select(address => address.ToAddress())] };
        var generations = ImmutableArray.CreateBuilder<uint>();
        foreach (CompiledPolicy policy in one.Versions)
        {
            if (generations.Count >= 2)
            {
                Keep(generations[0]);
            }
            uint given = _backend.Apply(policy, host).Generation;
            OpenMaps();
            // The backend does not know of numbers that were given here and whose slots are somebody else's by now.
            generations.Add(given <= _highest && !generations.Contains(given) ? Renumber(given) : given);
            _highest = Math.Max(_highest, generations[^1]);
        }
        FindPrograms(one);
        return generations.ToImmutable();
    }

    /// <summary>
    /// Gives a generation a number that nobody had: what a CPU remembers of packets that it has just seen holds for one number only, and a
    /// test can neither empty that memory nor make it older.
    /// </summary>
    /// <param name="generation">Its number until now.</param>
    /// <returns>Its number from now on.</returns>
    public uint Renumber(uint generation)
    {
        MappedArray generations = _generations!;
        _highest = Math.Max(_highest, Enumerable.Range(0, generations.Count).Max(IdOf)) + 1;
        BinaryPrimitives.WriteUInt32LittleEndian(generations.Bytes[(SlotOf(generation) * generations.StrideBytes)..], _highest);
        return _highest;
    }

    /// <summary>Goes back to a generation that is still there, as a fallback does.</summary>
    public void Switch(uint generation) => BinaryPrimitives.WriteUInt64LittleEndian(_control!.Bytes[SwitchOffset..], (ulong)SlotOf(generation));

    /// <summary>
    /// The backend writes into the first slot that is not active, and where no active image lies: a generation that stands there goes to the
    /// other slot, and to the end of the arena, where no policy of ours is big enough to come.
    /// </summary>
    private void Keep(uint generation)
    {
        int active = (int)(BinaryPrimitives.ReadUInt64LittleEndian(_control!.Bytes[SwitchOffset..]) & SlotMask);
        int[] others = [.. Enumerable.Range(0, _generations!.Count).Where(slot => slot != active)];
        if (IdOf(active) == generation)
        {
            return;
        }
        Span<byte> kept = Header(others[^1]);
        if (IdOf(others[0]) == generation)
        {
            Header(others[0]).CopyTo(kept);
        }
        (int from, int lines) = Extent(kept);
        (int first, int count) = Extent(Header(active));
        int to = _arena!.Count - lines;
        Assert.True(from == to || first + count <= to, "the end of the arena is in use");
        int stride = _arena.StrideBytes;
        _arena.Bytes.Slice(from * stride, lines * stride).CopyTo(_arena.Bytes.Slice(to * stride, lines * stride));
        BinaryPrimitives.WriteInt32LittleEndian(kept[BaseOffset..], to);
    }

    private Span<byte> Header(int slot) => _generations!.Bytes.Slice(slot * _generations.StrideBytes, _generations.StrideBytes);

    private static (int First, int Lines) Extent(ReadOnlySpan<byte> header) =>
        (BinaryPrimitives.ReadInt32LittleEndian(header[BaseOffset..]), BinaryPrimitives.ReadInt32LittleEndian(header[LinesOffset..]));

    private static bool SilenceIPv6(params string[] interfaces)
    {
        foreach (string one in interfaces)
        {
            File.WriteAllText($"/proc/sys/net/ipv6/conf/{one}/disable_ipv6", "1");
        }
        return true;
    }

    // A policy that changed nothing left its copy behind: either will do.
    private int SlotOf(uint generation) => Enumerable.Range(0, _generations!.Count).First(slot => IdOf(slot) == generation);

    private uint IdOf(int slot) => BinaryPrimitives.ReadUInt32LittleEndian(_generations!.Bytes[(slot * _generations.StrideBytes)..]);

    /// <summary>How many packets were dropped before tc saw them.</summary>
    public long DroppedEarly { get; private set; }

    /// <summary>Sends a packet across an interface. Returns whether it passed.</summary>
    public bool Passes(PacketStep step)
    {
        (BpfProgram program, int index) = _programs[(step.Interface, step.IsInwards)];
        if (_xdpProgram is not null && step.IsInwards && step.Interface == CompiledCase.Uplink && IsDroppedEarly(WireFrame.Of(step.Packet), index))
        {
            DroppedEarly++;
            return false;
        }
        int cameBy = step.IsInwards || step.Origin == Origin.SameInterface ? index : step.Origin == Origin.Host ? NoInterface : AnotherInterface;
        Span<byte> context = stackalloc byte[ContextBytes];
        context.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(context[InterfaceOffset..], index);
        BinaryPrimitives.WriteInt32LittleEndian(context[IngressInterfaceOffset..], cameBy);
        uint action = program.TestRun(WireFrame.Of(step.Packet), context).ReturnValue;
        Assert.True(action is Pass or Drop, $"action {action}");
        return action == Pass;
    }

    private bool IsDroppedEarly(byte[] frame, int index)
    {
        // struct xdp_md of linux/bpf.h: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        Span<byte> context = stackalloc byte[6 * sizeof(int)];
        context.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(context[sizeof(int)..], frame.Length);
        BinaryPrimitives.WriteInt32LittleEndian(context[(3 * sizeof(int))..], index);
        uint action = _xdpProgram!.TestRun(frame, context).ReturnValue;
        Assert.True(action is XdpPass or XdpDrop, $"action {action}");
        return action == XdpDrop;
    }

    /// <summary>What was reported since the last look.</summary>
    public ImmutableArray<FlowEvent> TakeEvents()
    {
        _events.Clear();
        _backend.ReadEvents(_events.Add);
        return [.. _events];
    }

    /// <summary>How many packets a rule has decided.</summary>
    public long PacketsOfRule(int index) => Packets(_ruleCounts!, (uint)index);

    /// <summary>How many packets were dropped for a reason, wherever.</summary>
    public long PacketsDropped(DropReason reason)
    {
        // For each hook and direction every reason.
        uint reasons = (uint)Enum.GetValues<DropReason>().Length;
        long sum = 0;
        for (uint place = 0; place < _dropCounts!.MaxEntries / reasons; place++)
        {
            sum += Packets(_dropCounts, (place * reasons) + (uint)reason);
        }
        return sum;
    }

    public void Dispose()
    {
        _namespace.Run(() =>
        {
            ForgetPrograms();
            _tables?.Dispose();
            _marks?.Dispose();
            _control?.Dispose();
            _generations?.Dispose();
            _arena?.Dispose();
            _ruleCounts?.Dispose();
            _dropCounts?.Dispose();
            return _backend.Remove(dryRun: false);
        });
        _backend.Dispose();
        _namespace.Dispose();
        Ip("netns", "delete", Name);
    }

    private static long Packets(BpfMap map, uint key) => map.LookupPerCpu<uint, (long Packets, long Bytes)>(key)!.Sum(one => one.Packets);

    private static HostSnapshot Snapshot()
    {
        HostSnapshot real = HostObserver.Read();
        // The peers' ends are in the same namespace only because nobody else is needed.
        IEnumerable<HostInterface> ours = real.Interfaces.Where(one => Interfaces.Contains(one.Name));
        return real with { Interfaces = [.. ours.Select(one => one with { ForwardsIPv4 = true, ForwardsIPv6 = true })], LocalNetworks = [] };
    }

    private void OpenMaps()
    {
        if (_tables is not null)
        {
            return;
        }
        string maps = Directory.EnumerateDirectories(Pins).Select(layout => Path.Combine(layout, "maps")).Single(Directory.Exists);
        _control = MapMemory(maps, "dp_control");
        _generations = MapMemory(maps, "dp_generations");
        _arena = MapMemory(maps, "dp_arena");
        _marks = MapMemory(maps, "dp_marks");
        _ruleCounts = BpfMap.OpenPinned(Path.Combine(maps, "dp_rule_counts"));
        _dropCounts = BpfMap.OpenPinned(Path.Combine(maps, "dp_drop_counts"));
        _tables = new FlowTables(maps);
    }

    private static MappedArray MapMemory(string maps, string name)
    {
        using BpfMap map = BpfMap.OpenPinned(Path.Combine(maps, name));
        return map.MapMemory();
    }

    private void FindPrograms(CompiledCase one)
    {
        ForgetPrograms();
        _xdpProgram = OpenXdp(one);
        foreach (string name in one.Places.Select(place => place.Interface))
        {
            int index = _host!.Interfaces.Single(known => known.Name == name).Index;
            foreach (bool isInwards in (bool[])[true, false])
            {
                var hook = new TcHook(index, isInwards ? TcDirection.Ingress : TcDirection.Egress);
                _programs.Add((name, isInwards), (BpfProgram.OpenById(Assert.Single(hook.Query()).ProgramId), index));
            }
        }
    }

    private BpfProgram? OpenXdp(CompiledCase one)
    {
        if (!_xdp || !one.Places.Any(place => place.Interface == CompiledCase.Uplink))
        {
            return null;
        }
        uint id = XdpHook.Query(_host!.Interfaces.Single(known => known.Name == CompiledCase.Uplink).Index);
        return id == 0 ? null : BpfProgram.OpenById(id);
    }

    /// <summary>No connection's next packet is waited for, and no flow is said to be there: only while none is.</summary>
    public void ForgetMarks() => _marks!.Bytes.Clear();

    private void ForgetPrograms()
    {
        foreach ((BpfProgram program, _) in _programs.Values)
        {
            program.Dispose();
        }
        _programs.Clear();
        _xdpProgram?.Dispose();
        _xdpProgram = null;
    }

    private static void Ip(params string[] arguments) => CommandRunner.Run("ip", arguments);
}
