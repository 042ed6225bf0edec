using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;

namespace Datapath.KernelTests.Agent;

/// <summary>
/// What somebody else has before the agent comes: on <c>up0</c> of a lab's router a clsact qdisc with two filters in either direction and an XDP
/// program, on <c>web0</c> an empty clsact qdisc and a tcx program in either direction; a program at a cgroup of its own; pins.
/// </summary>
internal sealed class ForeignPrograms : IDisposable
{
    private const string Program = "dp_it_count";
    private const string XdpProgram = "dp_it_xdp";
    private const string CgroupProgram = "dp_it_cgroup";
    private static readonly string[] Pinned = [Program, XdpProgram, CgroupProgram];
    private static readonly string[] Interfaces = ["up0", "web0"];
    private static readonly string[] Directions = ["ingress", "egress"];

    private readonly AgentLab _lab;
    private readonly BpfObject _loaded = TestObject.Load();
    private readonly PinDirectory _pins = new();
    private readonly List<TcAttachment> _attachments = [];
    private readonly string _cgroup;
    private readonly string _beside;

    public ForeignPrograms(AgentLab lab)
    {
        _lab = lab;
        foreach (string name in Pinned)
        {
            _loaded.Program(name).Pin(_pins.PathOf(name));
        }

        // And in the very file system in which the agent pins.
        _beside = Directory.CreateDirectory(Path.Combine(EbpfOptions.DefaultBpfFileSystem, $"foreign-{lab.Site.Instance}")).FullName;
        _loaded.Program(Program).Pin(Path.Combine(_beside, Program));

        string root = MountTable.Of("self").PlaceOf("cgroup2") ?? throw new InvalidOperationException("no cgroup2 file system is mounted");
        _cgroup = Path.Combine(root, lab.Site.Instance);
    }

    /// <summary>Puts them at the interfaces.</summary>
    public void Attach()
    {
        _lab.OnRouter("tc", "qdisc", "add", "dev", "up0", "clsact");
        foreach (string direction in Directions)
        {
            AddFilter("up0", direction, priority: 7);
            AddFilter("up0", direction, priority: 9);
        }

        _lab.OnRouter("bpftool", "net", "attach", "xdpgeneric", "pinned", _pins.PathOf(XdpProgram), "dev", "up0");
        Directory.CreateDirectory(_cgroup);
        CommandRunner.Run("bpftool", ["cgroup", "attach", _cgroup, "egress", "pinned", _pins.PathOf(CgroupProgram)]);
        // An empty one: that it is not ours is all that keeps it.
        _lab.OnRouter("tc", "qdisc", "add", "dev", "web0", "clsact");
        int web = _lab.IndexOf("web0")!.Value;
        foreach (TcDirection direction in (TcDirection[])[TcDirection.Ingress, TcDirection.Egress])
        {
            _attachments.Add(_lab.Router.Run(() => new TcHook(web, direction).Attach(_loaded.Program(Program), TcMechanism.Tcx)));
        }
    }

    /// <summary>Adds one more filter, to an interface that has the qdisc.</summary>
    public void AddFilter(string interfaceName, string direction, int priority) =>
        _lab.OnRouter(
            "tc", "filter", "add", "dev", interfaceName, direction, "pref", $"{priority}", "protocol", "all",
            "bpf", "da", "object-pinned", _pins.PathOf(Program)
        );

    /// <summary>Everything at tc on the router, in the words of tc, bpftool and the kernel.</summary>
    public string Listing() =>
        string.Join(
            "\n",
            Interfaces
                .SelectMany(one =>
                    Directions
                        .Select(direction => _lab.OnRouter("tc", "filter", "show", "dev", one, direction))
                        .Append(_lab.OnRouter("tc", "qdisc", "show", "dev", one))
                )
                .Append(_lab.OnRouter("bpftool", "net", "show"))
                .Concat(_lab.AtHooks())
        );

    /// <summary>What no agent has a part in: byte for byte the same at any time.</summary>
    public string Elsewhere() =>
        string.Join(
            "\n",
            (string[])
                [
                    _lab.OnRouter("ip", "-d", "link", "show", "dev", "up0", "type", "veth"),
                    CommandRunner.Run("bpftool", ["cgroup", "show", _cgroup]),
                    _lab.OnRouter("tc", "qdisc", "show", "dev", "up0"),
                    .. Directory.GetFiles(_beside).Concat(Pinned.Select(_pins.PathOf)).Select(Describe),
                ]
        );

    /// <summary>The lines of an earlier listing that are still there, in the order of now.</summary>
    /// <param name="earlier">What <see cref="Listing"/> said.</param>
    public IEnumerable<string> StillListed(string earlier)
    {
        HashSet<string> known = [.. AtTc(earlier)];
        return AtTc(Listing()).Where(known.Contains);
    }

    /// <summary>The programs in a listing.</summary>
    public static IEnumerable<string> AtTc(string listing) =>
        listing.Split('\n').Select(line => line.Trim()).Where(line => line.Contains("dp_it_", StringComparison.Ordinal));

    private static string Describe(string pin) => $"{pin} {CommandRunner.Run("bpftool", ["prog", "show", "pinned", pin])}";

    /// <summary>Whether a trace is one of these: filters of up0 and both qdiscs were there before.</summary>
    public static bool Owns(string trace) => trace.StartsWith("tc filter up0 ", StringComparison.Ordinal) || trace.StartsWith("tc qdisc ", StringComparison.Ordinal);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TcAttachment attachment in _attachments)
        {
            attachment.Dispose();
        }

        if (Directory.Exists(_cgroup))
        {
            Directory.Delete(_cgroup);
        }

        Array.ForEach(Directory.GetFiles(_beside), pin => BpfFs.Unpin(pin));
        Directory.Delete(_beside);
        _loaded.Dispose();
        _pins.Dispose();
    }
}
