using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Flows;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libxdp;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

/// <summary>
/// Interfaces where somebody had libxdp attach a program before: ours joins it, and leaves it as it was. Where the kernel refuses extensions all
/// but the first are skipped; <c>tools/kernels/dispatcher.sh</c> runs them on one that has them.
/// </summary>
public sealed class XdpDispatcherTests : IDisposable
{
    // XDP_DROP and XDP_PASS of linux/bpf.h.
    private const uint Drop = 1;
    private const uint Pass = 2;

    private readonly ProgramLab _lab = new(options => options with { Xdp = XdpChoice.Auto });

    public XdpDispatcherTests() => _lab.BringUp("up0");

    public void Dispose() => _lab.Dispose();

    // Held by a link it cannot be replaced, on whatever kernel; one without extensions refuses before that.
    [KernelFact]
    public void A_dispatcher_that_refuses_is_named_and_left_alone()
    {
        using BpfObject dispatcher = BpfObject.Open(File.ReadAllBytes(Directory.GetDirectories("/usr/lib", "*-linux-gnu").Select(path => path + "/bpf/xdp-dispatcher.o").Single(File.Exists)), "disp");
        dispatcher.Load();
        BpfProgram program = dispatcher.Program(XdpDispatcher.ProgramName);
        using BpfLink link = _lab.Run(() => XdpHook.Attach(program, _lab.IndexOf("up0")));

        string warning = Assert.Single(_lab.Apply(Policies.Friends).Warnings);
        Assert.StartsWith($"no XDP at up0: libxdp's dispatcher (program {program.Id}) is attached, which could not be joined: cannot join the dispatcher of", warning, StringComparison.Ordinal);
        // The reason stays.
        Assert.Equal(warning, Assert.Single(_lab.Apply(Policies.Friends).Warnings));
        Assert.Equal(program.Id, _lab.Run(() => XdpHook.Query(_lab.IndexOf("up0"))));
        Assert.False(_lab.Passes("up0", ingress: true, Syn(81)), "tc judges all the same");
        Assert.Empty(_lab.Run(() => _lab.Backend.Remove(dryRun: false)).Remaining);
        Assert.Equal(program.Id, _lab.Run(() => XdpHook.Query(_lab.IndexOf("up0"))));
    }

    [KernelFact]
    public void It_joins_what_is_there_and_both_have_their_say()
    {
        uint foreign = AttachForeign();
        Assert.Empty(_lab.Apply(Policies.Friends).Warnings);
        Assert.Equal(2, Called().Length);
        // Ours is the last: what others redirect never came to tc either.
        Assert.Equal(foreign, Called()[0]);
        Assert.Equal((Drop, Pass), (Run(Syn(81)), Run(Syn(80))));
        Assert.Equal(2UL, CountOf(foreign));
        Assert.Contains(_lab.Run(_lab.Backend.ReadCounters).Verdicts, one => one is { Hook: "xdp", Reason: DropReason.Policy, Count.Packets: 1 });
        // Nothing is joined twice.
        ImmutableArray<uint> before = Called();
        Assert.Empty(_lab.Apply(Policies.Friends).Warnings);
        Assert.Equal(before, Called());
    }

    [KernelFact]
    public void It_outlives_the_agent_and_is_replaced_by_its_successors()
    {
        uint foreign = AttachForeign();
        _lab.Apply(Policies.Friends);
        uint first = Called()[1];
        _lab.Restart();
        Assert.Equal([foreign, first], Called());
        Assert.Equal(Drop, Run(Syn(81)));
        Assert.Empty(_lab.Apply(Policies.Friends).Warnings);
        Assert.Equal((2, foreign), (Called().Length, Called()[0]));
        Assert.NotEqual(first, Called()[1]);
        Assert.Equal((Drop, Pass), (Run(Syn(81)), Run(Syn(80))));
    }

    [KernelFact]
    public void Purged_it_leaves_the_dispatcher_as_it_was()
    {
        uint foreign = AttachForeign();
        _lab.Apply(Policies.Friends);
        _lab.Kill();
        using var another = new EbpfBackend(_lab.Options);
        RemovalReport removal = _lab.Run(() => another.Remove(dryRun: false));
        Assert.Empty(removal.Remaining);
        Assert.Equal([foreign], Called());
        Assert.Equal(Pass, Run(Syn(81)));
        Assert.Equal(1UL, CountOf(foreign));
    }

    [KernelFact]
    public void A_successor_that_does_not_want_it_takes_it_away()
    {
        uint foreign = AttachForeign();
        _lab.Apply(Policies.Friends);
        _lab.Kill();
        using var successor = new EbpfBackend(_lab.Options with { Xdp = XdpChoice.Off });
        _lab.Run(() =>
        {
            successor.Adopt();
            return successor.Apply(_lab.Policy!, _lab.Host(ProgramLab.Snapshot()));
        });
        Assert.Equal([foreign], Called());
    }

    [KernelFact]
    public void Left_alone_in_the_dispatcher_it_stays_and_takes_it_along_in_the_end()
    {
        uint foreign = AttachForeign();
        _lab.Apply(Policies.Friends);
        uint ours = Called()[1];
        Assert.True(_lab.Run(() => XdpDispatcher.Leave(_lab.IndexOf("up0"), foreign)));
        Assert.Equal([ours], Called());
        Assert.Empty(_lab.Apply(Policies.Friends).Warnings);
        Assert.Equal([ours], Called());
        Assert.Equal(Drop, Run(Syn(81)));
        Assert.Empty(_lab.Run(() => _lab.Backend.Remove(dryRun: false)).Remaining);
        Assert.Equal(0u, _lab.Run(() => XdpHook.Query(_lab.IndexOf("up0"))));
    }

    private static byte[] Syn(ushort port) => Packet.Ethernet(Packet.IPv4("10.9.1.1", "10.0.0.1", Packet.Tcp, Packet.TcpHeader(40000, port, Packet.Syn)));

    /// <summary>Has libxdp attach a program of somebody else. Returns its id.</summary>
    private uint AttachForeign()
    {
        uint id = 0;
        try
        {
            id = _lab.Run(() => XdpDispatcher.Join(OpenForeign, "xdp", _lab.IndexOf("up0"), priority: 10));
        }
        catch (KernelException refusal)
        {
            Assert.Skip($"this kernel has no extensions of programs: {refusal.Message}");
        }

        // Without extensions libxdp attaches a program alone.
        Assert.SkipWhen(Called().IsEmpty, "this kernel has no extensions of programs");
        Assert.Equal([id], Called());
        return id;
    }

    private static BpfObject OpenForeign()
    {
        BpfObject opened = TestObject.Open();
        foreach (string other in (string[])["dp_it_count", "dp_it_cgroup", "dp_it_copy"])
        {
            opened.SetAutoload(other, load: false);
        }

        return opened;
    }

    private ImmutableArray<uint> Called() => _lab.Run(() => XdpDispatcher.Programs(_lab.IndexOf("up0")));

    /// <summary>What everybody at the interface makes of a frame.</summary>
    private uint Run(byte[] frame) =>
        _lab.Run(() =>
        {
            // struct xdp_md of linux/bpf.h: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
            int[] context = [0, frame.Length, 0, _lab.IndexOf("up0"), 0, 0];
            using BpfProgram program = BpfProgram.OpenById(XdpHook.Query(_lab.IndexOf("up0")));
            return program.TestRun(frame, MemoryMarshal.AsBytes<int>(context)).ReturnValue;
        });

    // Where tests/bpf/interop_test.bpf.c counts.
    private static ulong CountOf(uint programId)
    {
        using BpfProgram program = BpfProgram.OpenById(programId);
        ulong count = 0;
        foreach (uint id in program.Describe().MapIds)
        {
            using BpfMap map = BpfMap.OpenById(id);
            count += map.Name == "dp_it_arena" ? map.Lookup<uint, ulong>(6) : 0;
        }

        return count;
    }
}
