using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;

namespace Datapath.KernelTests.Agent;

/// <summary>
/// What somebody else has at the interfaces of a lab's router before the agent comes: on <c>up0</c> a clsact qdisc with two filters in either
/// direction, on <c>web0</c> an empty one and a tcx program in either direction.
/// </summary>
internal sealed class ForeignPrograms : IDisposable
{
    private const string Program = "dp_it_count";
    private static readonly string[] Interfaces = ["up0", "web0"];
    private static readonly string[] Directions = ["ingress", "egress"];

    private readonly AgentLab _lab;
    private readonly BpfObject _loaded = TestObject.Load();
    private readonly PinDirectory _pins = new();
    private readonly List<TcAttachment> _attachments = [];

    public ForeignPrograms(AgentLab lab)
    {
        _lab = lab;
        _loaded.Program(Program).Pin(_pins.PathOf(Program));
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

    /// <summary>Whether a trace is one of these: filters of up0 and both qdiscs were there before.</summary>
    public static bool Owns(string trace) => trace.StartsWith("tc filter up0 ", StringComparison.Ordinal) || trace.StartsWith("tc qdisc ", StringComparison.Ordinal);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TcAttachment attachment in _attachments)
        {
            attachment.Dispose();
        }

        _loaded.Dispose();
        _pins.Dispose();
    }
}
