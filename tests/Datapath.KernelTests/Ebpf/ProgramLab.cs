using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

/// <summary>
/// The shipped programs, attached to two interfaces of a namespace of our own by the shipped backend, and run on crafted packets
/// (BPF_PROG_TEST_RUN). <c>up0</c> is the host's uplink with 10.0.0.1 and 2001:db8::1, <c>web0</c> the veth of a pod.
/// </summary>
internal sealed class ProgramLab : IDisposable
{
    // struct __sk_buff of linux/bpf.h.
    private const int ContextBytes = 192;
    private const int IngressInterfaceOffset = 36;
    private const int InterfaceOffset = 40;
    private const int GsoSegmentsOffset = 164;

    private static readonly string[] InterfaceNames = ["up0", "web0"];

    private static int _count;

    private readonly NetworkNamespace _namespace;
    private readonly List<FlowEvent> _events = [];
    private RuleIndexes _indexes = RuleIndexes.Empty;

    public ProgramLab(Func<EbpfOptions, EbpfOptions>? adjust = null)
    {
        int number = Interlocked.Increment(ref _count);
        Name = string.Create(CultureInfo.InvariantCulture, $"dpk-{Environment.ProcessId}-{number}");
        var options = new EbpfOptions { Instance = Name, MaxTcpFlows = 4096, MaxOtherFlows = 4096, MaxRules = 1024, ArenaBytes = 16 << 20, DigestBytes = 0, DoubtTime = TimeSpan.Zero };
        Options = adjust?.Invoke(options) ?? options;
        Ip("netns", "add", Name);
        _namespace = NetworkNamespace.OpenNamed(Name);
        AddInterface("up0");
        AddInterface("web0");

        Backend = new EbpfBackend(Options);
    }

    /// <summary>What policies are told of the host.</summary>
    public static HostInventory Inventory { get; } = new("host", [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("2001:db8::1")], []);

    public string Name { get; }

    public EbpfOptions Options { get; }

    public EbpfBackend Backend { get; private set; }

    public CompiledPolicy? Policy { get; private set; }

    /// <summary>What is different about the host from <see cref="Snapshot"/>; asked inside the namespace.</summary>
    public Func<HostSnapshot, HostSnapshot> Host { get; set; } = host => host;

    /// <summary>Makes an end of a veth pair with the address that <see cref="Packet.Ethernet"/> sends to: the rest is for another station.</summary>
    /// <param name="interfaceName">Its name.</param>
    /// <param name="index">The number that it must have; null for any.</param>
    public void AddInterface(string interfaceName, int? index = null)
    {
        string[] number = index is null ? [] : ["index", $"{index}"];
        Ip(["-n", Name, "link", "add", interfaceName, "address", "02:00:00:00:00:02", .. number, "type", "veth", "peer", "name", interfaceName + "p"]);
        Ip("-n", Name, "link", "set", interfaceName, "up");
    }

    /// <summary>Has both ends up, and the kernel say nothing there by itself: only then a veth has the queues that a packet at XDP names.</summary>
    public void BringUp(string interfaceName)
    {
        foreach (string end in (string[])[interfaceName, interfaceName + "p"])
        {
            _namespace.Run(() => File.WriteAllText($"/proc/sys/net/ipv6/conf/{end}/disable_ipv6", "1"));
            Ip("-n", Name, "link", "set", end, "up");
        }
    }

    /// <summary>Takes an interface away.</summary>
    public void DeleteInterface(string interfaceName) => Ip("-n", Name, "link", "delete", interfaceName);

    /// <summary>An interface as it is.</summary>
    public HostInterface Interface(string interfaceName) =>
        _namespace.Run(() => HostObserver.Read().Interfaces.Single(one => one.Name == interfaceName));

    /// <summary>The programs at a hook.</summary>
    public ImmutableArray<TcProgram> ProgramsAt(int interfaceIndex, TcDirection direction) =>
        _namespace.Run(() => new TcHook(interfaceIndex, direction).Query());

    /// <summary>What the packets crossed and left behind since the last look.</summary>
    public ImmutableArray<FlowEvent> TakeEvents()
    {
        _namespace.Run(() => Backend.ReadEvents(_events.Add));
        ImmutableArray<FlowEvent> taken = [.. _events];
        _events.Clear();
        return taken;
    }

    /// <summary>Enforces a policy written as a YAML import file.</summary>
    public ApplyReport Apply(string yaml, ApplyOptions? options = null)
    {
        Policy = Compile(yaml);
        return Apply(Policy, options);
    }

    /// <summary>Enforces a compiled policy.</summary>
    public ApplyReport Apply(CompiledPolicy policy, ApplyOptions? options = null) =>
        _namespace.Run(() => Backend.Apply(policy, Host(Snapshot()), options));

    /// <summary>Compiles a policy, with the numbers of those before.</summary>
    public CompiledPolicy Compile(string yaml)
    {
        PolicyCompilation compilation = PolicyCompiler.Compile(Resolve(Read(yaml)), _indexes);
        _indexes = compilation.Indexes;
        return Assert.IsType<CompiledPolicy>(compilation.Policy);
    }

    /// <summary>What is written in a policy.</summary>
    public static WrittenPolicy Read(string yaml)
    {
        PolicyReading reading = PolicyReader.Read("policy.yaml", yaml);
        Assert.Empty(reading.Diagnostics);
        return reading.Policy;
    }

    private static ResolvedPolicy Resolve(WrittenPolicy written)
    {
        PolicyResolution resolution = PolicyResolver.Resolve(written, Inventory, new PolicyOptions());
        Assert.Empty(resolution.Diagnostics);
        return resolution.Policy;
    }

    /// <summary>As if the agent had died and another one had come.</summary>
    public uint Restart()
    {
        Kill();
        Backend = new EbpfBackend(Options);
        return _namespace.Run(Backend.Adopt);
    }

    /// <summary>As if the agent had died.</summary>
    public void Kill() => Backend.Dispose();

    /// <summary>Runs a frame through the program at a hook.</summary>
    /// <param name="interfaceName">Where.</param>
    /// <param name="ingress">Which way, seen from the interface.</param>
    /// <param name="frame">From the Ethernet header on.</param>
    /// <param name="forwarded">For egress: whether it came in by another interface.</param>
    /// <param name="segments">How many packets on the wire it stands for.</param>
    /// <returns>Whether it passed.</returns>
    public bool Passes(string interfaceName, bool ingress, byte[] frame, bool forwarded = false, int segments = 0) =>
        _namespace.Run(() =>
        {
            int index = IndexHere(interfaceName);
            using BpfProgram program = ProgramAt(index, ingress);
            return IsPass(program.TestRun(frame, ContextOf(index, ingress ? index : forwarded ? 1 : 0, segments)));
        });

    /// <summary>What the program at a hook makes of a frame.</summary>
    /// <param name="interfaceName">Where.</param>
    /// <param name="ingress">Which way, seen from the interface.</param>
    /// <param name="frame">From the Ethernet header on.</param>
    public TestRun TestRun(string interfaceName, bool ingress, byte[] frame) =>
        _namespace.Run(() =>
        {
            int index = IndexHere(interfaceName);
            using BpfProgram program = ProgramAt(index, ingress);
            return program.TestRun(frame, ContextOf(index, ingress ? index : 0, segments: 0));
        });

    /// <summary>Runs a frame that comes in through the program again and again.</summary>
    /// <param name="interfaceName">Where.</param>
    /// <param name="frame">From the Ethernet header on.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>How many passed, and how many did not.</returns>
    public (int Passed, int Dropped) PassUntil(string interfaceName, byte[] frame, CancellationToken stop) =>
        _namespace.Run(() =>
        {
            int index = IndexHere(interfaceName);
            byte[] context = ContextOf(index, index, segments: 0);
            using BpfProgram program = ProgramAt(index, ingress: true);
            (int passed, int dropped) = (0, 0);
            while (!stop.IsCancellationRequested)
            {
                bool isPass = IsPass(program.TestRun(frame, context));
                (passed, dropped) = isPass ? (passed + 1, dropped) : (passed, dropped + 1);
            }

            return (passed, dropped);
        });

    /// <summary>Runs many frames through one hook, without looking the hook up for each.</summary>
    /// <param name="interfaceName">Where.</param>
    /// <param name="ingress">Which way, seen from the interface.</param>
    /// <param name="frames">From the Ethernet header on.</param>
    /// <returns>How many passed.</returns>
    public int CountPassing(string interfaceName, bool ingress, IEnumerable<byte[]> frames) =>
        _namespace.Run(() =>
        {
            int index = IndexOf(interfaceName);
            var context = new byte[ContextBytes];
            BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(InterfaceOffset), index);
            BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(IngressInterfaceOffset), ingress ? index : 0);
            using BpfProgram program = OpenProgram(index, ingress);
            return frames.Count(frame => program.TestRun(frame, context).ReturnValue == Pass);
        });

    /// <summary>The tables of flows.</summary>
    public FlowTables OpenFlows() =>
        _namespace.Run(() =>
        {
            using BpfProgram program = OpenProgram(IndexOf("up0"), ingress: true);
            return new FlowTables(Name, program);
        });

    private static BpfProgram OpenProgram(int interfaceIndex, bool ingress)
    {
        var hook = new TcHook(interfaceIndex, ingress ? TcDirection.Ingress : TcDirection.Egress);
        return BpfProgram.OpenById(Assert.Single(hook.Query()).ProgramId);
    }

    /// <summary>Index of an interface.</summary>
    public int IndexOf(string interfaceName) => _namespace.Run(() => IndexHere(interfaceName));

    /// <summary>Where a map is pinned.</summary>
    public string PinOf(string map) =>
        Directory.EnumerateFiles($"{EbpfOptions.DefaultBpfFileSystem}/datapath/{Name}", map, SearchOption.AllDirectories).Single();

    /// <summary>The interfaces that have a program of ours.</summary>
    public ImmutableArray<string> AttachedTo() =>
        [.. InterfaceNames.Where(name => _namespace.Run(() => !new TcHook(IndexHere(name), TcDirection.Ingress).Query().IsEmpty))];

    /// <summary>A rule of the policy by its index, as people name it.</summary>
    public string RuleName(int index)
    {
        RuleIdentity rule = Policy!.Rules.Single(one => one.Index == index).Rule;
        return rule.Position == 0 ? $"{rule.Kind} {rule.Ruleset}" : $"{rule.Ruleset} {rule.Position}";
    }

    public T Run<T>(Func<T> function) => _namespace.Run(function);

    public void Dispose()
    {
        _namespace.Run(() => Backend.Remove(dryRun: false));
        Backend.Dispose();
        _namespace.Dispose();
        Ip("netns", "delete", Name);
    }

    // TC_ACT_UNSPEC and TC_ACT_SHOT of linux/pkt_cls.h.
    private const uint Pass = uint.MaxValue;
    private const uint Drop = 2;

    /// <summary>The two interfaces, both of which pass on what is not for the host, and the host's addresses.</summary>
    public static HostSnapshot Snapshot()
    {
        HostSnapshot real = HostObserver.Read();
        // The peers' ends are in the same namespace only because nobody else is needed.
        return real with
        {
            Interfaces =
            [
                .. real.Interfaces.Where(one => one.Name is "up0" or "web0").Select(one => one with { ForwardsIPv4 = true, ForwardsIPv6 = true }),
            ],
            Addresses = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("2001:db8::1")],
            LocalNetworks = [IPNetwork.Parse("10.0.0.255/32")],
        };
    }

    private static BpfProgram ProgramAt(int index, bool ingress)
    {
        var hook = new TcHook(index, ingress ? TcDirection.Ingress : TcDirection.Egress);
        return BpfProgram.OpenById(Assert.Single(hook.Query()).ProgramId);
    }

    private static byte[] ContextOf(int index, int ingressIndex, int segments)
    {
        var context = new byte[ContextBytes];
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(InterfaceOffset), index);
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(IngressInterfaceOffset), ingressIndex);
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(GsoSegmentsOffset), segments);
        return context;
    }

    private static bool IsPass(TestRun run)
    {
        Assert.True(run.ReturnValue is Pass or Drop, $"action {run.ReturnValue}");
        return run.ReturnValue == Pass;
    }

    private static int IndexHere(string interfaceName) => HostObserver.Read().Interfaces.Single(one => one.Name == interfaceName).Index;

    private static void Ip(params string[] arguments) => CommandRunner.Run("ip", arguments);
}
