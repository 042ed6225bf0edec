using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Where the program at XDP is attached, and where it is not and why. Its verdicts are held against the oracle in FlowOracleTests.</summary>
public sealed class XdpTests : IDisposable
{
    // XDP_DROP and XDP_PASS of linux/bpf.h.
    private const uint Drop = 1;
    private const uint Pass = 2;

    // What a processor remembers, it remembers alone: so often does every one of them run a program.
    private const int Repeats = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private ProgramLab _lab = new(options => options with { Xdp = XdpChoice.Auto });

    public void Dispose() => _lab.Dispose();

    [KernelFact]
    public void It_is_at_the_hosts_interfaces_in_the_driver_and_not_at_a_pods()
    {
        ApplyReport report = _lab.Apply(Policies.Friends);
        Assert.Empty(report.Warnings);
        Assert.Equal(("dp_xdp", ""), (ProgramAt("up0"), ProgramAt("web0")));
        // In the driver "xdp", in the generic mode "xdpgeneric".
        Assert.Contains(" xdp ", _lab.Run(() => CommandRunner.Run("ip", ["link", "show", "up0"])), StringComparison.Ordinal);
    }

    [KernelFact]
    public void Off_is_the_default()
    {
        Assert.Equal(XdpChoice.Off, new EbpfOptions { Instance = "x" }.Xdp);
        _lab.Dispose();
        _lab = new ProgramLab();
        _lab.Apply(Policies.Friends);
        Assert.Equal("", ProgramAt("up0"));
    }

    [KernelFact]
    public void It_outlives_the_agent_and_is_taken_over_and_removed()
    {
        _lab.Apply(Policies.Friends);
        uint link = Link();
        _lab.Restart();
        _lab.Apply(Policies.Friends);
        Assert.Equal(link, Link());
        RemovalReport removal = _lab.Run(() => _lab.Backend.Remove(dryRun: false));
        Assert.Empty(removal.Remaining);
        Assert.Equal("", ProgramAt("up0"));
    }

    [KernelFact]
    public void A_successor_that_does_not_want_it_takes_it_away()
    {
        _lab.Apply(Policies.Friends);
        _lab.Kill();
        using var successor = new EbpfBackend(_lab.Options with { Xdp = XdpChoice.Off });
        _lab.Run(() =>
        {
            successor.Adopt();
            return successor.Apply(_lab.Policy!, _lab.Host(ProgramLab.Snapshot()));
        });
        Assert.Equal("", ProgramAt("up0"));
    }

    [KernelFact]
    public void A_program_of_somebody_else_is_left_alone_and_named()
    {
        using var foreign = new ForeignXdp(_lab, "up0");
        ApplyReport report = _lab.Apply(Policies.Friends);
        Assert.Equal($"no XDP at up0: program {foreign.Id} (dp_it_xdp) of somebody else is attached", Assert.Single(report.Warnings));
        Assert.Equal("dp_it_xdp", ProgramAt("up0"));
        // tc judges all the same.
        Assert.False(_lab.Passes("up0", ingress: true, Packet.Ethernet(Packet.IPv4("10.8.1.1", "10.0.0.1", Packet.Tcp, Packet.TcpHeader(40000, 80, Packet.Syn)))));
    }

    [KernelFact]
    public void Required_it_is_there_or_nothing_is()
    {
        _lab.Dispose();
        _lab = new ProgramLab(options => options with { Xdp = XdpChoice.Require });
        using var foreign = new ForeignXdp(_lab, "up0");
        BackendException refusal = Assert.Throws<BackendException>(() => _lab.Apply(Policies.Friends));
        Assert.StartsWith("--xdp require: no XDP at up0: program", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_lab.AttachedTo());
    }

    [KernelFact]
    public void A_device_below_a_VLAN_is_left_alone()
    {
        _lab.Host = host => host with
        {
            Interfaces = [.. host.Interfaces.Select(one => one.Name == "web0" ? one with { Vlan = new(_lab.IndexOf("up0"), new VlanTag(7, 0x8100)) } : one)],
        };
        ApplyReport report = _lab.Apply(Policies.Friends);
        Assert.StartsWith("no XDP at up0: web0 is a VLAN of it", Assert.Single(report.Warnings), StringComparison.Ordinal);
    }

    [KernelFact]
    public void Where_units_are_cgroups_what_no_socket_of_theirs_has_is_still_dropped_early()
    {
        using LabCgroup cgroup = LabCgroup.Create();
        _lab.BringUp("up0");
        _lab.Apply(Policies.Friends + Unit(cgroup.Path));
        // Half a second is what the table of ports may be behind.
        using Socket served = new LabHost("svc", _lab.Name).InCgroup(cgroup.Directory).Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        served.Bind(new IPEndPoint(IPAddress.Any, 8080));
        served.Listen();
        long start = TimeProvider.System.GetTimestamp();
        while (IsDroppedEarly(Syn(8080)))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "what is for the unit's socket is dropped by the host's rules");
            // As the agent's loop does, again and again.
            _lab.TakeEvents();
        }

        Assert.True(IsDroppedEarly(Syn(8081)));
        // tc agrees with both.
        Assert.Equal((true, false), (_lab.Passes("up0", ingress: true, Syn(8080)), _lab.Passes("up0", ingress: true, Syn(8081))));
    }

    [KernelFact]
    public void A_first_fragment_is_dropped_early_and_a_later_one_is_left_to_tc()
    {
        _lab.BringUp("up0");
        _lab.Apply(Policies.Friends);
        byte[] payload = [.. Packet.UdpHeader(40000, 54), .. new byte[16]];
        Assert.True(IsDroppedEarly(Packet.Ethernet(Packet.IPv4("10.9.1.1", "10.0.0.1", Packet.Udp, payload, new IPv4Fields { Id = 7, More = true }))));
        Assert.False(IsDroppedEarly(Packet.Ethernet(Packet.IPv4("10.9.1.1", "10.0.0.1", Packet.Udp, new byte[16], new IPv4Fields { Id = 7, FragmentOffset = 24 }))));
    }

    [KernelFact]
    public void A_device_that_changes_its_address_drops_what_is_for_the_new_one()
    {
        _lab.BringUp("up0");
        _lab.Apply(Policies.Friends);
        // The device is remembered beside its interface by now, on every processor.
        Assert.All(Enumerable.Range(0, Repeats), _ => Assert.True(IsDroppedEarly(Syn(8081))));

        _lab.Run(() => CommandRunner.Run("ip", ["link", "set", "up0", "address", "02:00:00:00:00:77"]));
        _lab.Apply(Policies.Friends);

        byte[] frame = Syn(8081);
        Assert.All(Enumerable.Range(0, Repeats), _ => Assert.False(IsDroppedEarly(frame), "what is for another station now is judged as the host's"));
        PhysicalAddress.Parse("02:00:00:00:00:77").GetAddressBytes().CopyTo(frame, 0);
        Assert.True(IsDroppedEarly(frame), "what is for the device's new address is left to tc");
    }

    private static byte[] Syn(ushort port) => Packet.Ethernet(Packet.IPv4("10.8.1.1", "10.0.0.1", Packet.Tcp, Packet.TcpHeader(40000, port, Packet.Syn)));

    private bool IsDroppedEarly(byte[] frame) =>
        _lab.Run(() =>
        {
            // struct xdp_md of linux/bpf.h: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
            int[] context = [0, frame.Length, 0, _lab.IndexOf("up0"), 0, 0];
            using BpfProgram program = BpfProgram.OpenById(XdpHook.Query(_lab.IndexOf("up0")));
            uint action = program.TestRun(frame, MemoryMarshal.AsBytes<int>(context)).ReturnValue;
            Assert.True(action is Pass or Drop, $"action {action}");
            return action == Drop;
        });

    private static string Unit(string path) => $$"""

          processingunit:
            - { name: svc, namespace: /t, associatedTags: ["app=svc"], attach: { cgroup: "{{path}}" } }
        """;

    // By the program, since an index of an interface is one of its namespace and the kernel lists the links of all.
    private uint Link()
    {
        uint program = _lab.Run(() => XdpHook.Query(_lab.IndexOf("up0")));
        return Assert.Single(KernelObjects.Links(), link => link.Place == AttachType.Xdp && link.ProgramId == program).Id;
    }

    private string ProgramAt(string interfaceName) =>
        _lab.Run(() => XdpHook.Query(_lab.IndexOf(interfaceName))) is not 0 and var id ? NameOf(id) : "";

    private static string NameOf(uint id)
    {
        using BpfProgram program = BpfProgram.OpenById(id);
        return program.Name;
    }

    /// <summary>Somebody else's program at an interface, until disposed.</summary>
    private sealed class ForeignXdp : IDisposable
    {
        private readonly BpfObject _loaded = TestObject.Load();
        private readonly BpfLink _link;

        public ForeignXdp(ProgramLab lab, string interfaceName)
        {
            BpfProgram program = _loaded.Program("dp_it_xdp");
            Id = program.Id;
            _link = lab.Run(() => XdpHook.Attach(program, lab.IndexOf(interfaceName)));
        }

        public uint Id { get; }

        public void Dispose()
        {
            _link.Dispose();
            _loaded.Dispose();
        }
    }
}
