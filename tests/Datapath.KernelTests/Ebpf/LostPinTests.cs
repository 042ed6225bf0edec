using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Enforcement goes on where the pins are gone, and the next agent takes it over.</summary>
public sealed class LostPinTests : IDisposable
{
    private ProgramLab _lab = new();

    private string PinPath => $"{EbpfOptions.DefaultBpfFileSystem}/datapath/{_lab.Name}";

    [KernelTheory]
    [InlineData(TcHookChoice.Tcx)]
    [InlineData(TcHookChoice.Clsact)]
    public void What_is_at_the_hooks_is_found_and_pinned_again(TcHookChoice hook)
    {
        _lab.Dispose();
        _lab = new ProgramLab(options => options with { TcHook = hook });
        uint generation = _lab.Apply(Policies.Friends).Generation;
        Assert.True(Passes(40000, 80, Syn));
        // The kernel does not know all of its name.
        uint passed = IdOf("dp_cgroup_passed");
        // As long as it is attached an agent's programs need no pin; without a link's pin it is the agent that holds it.
        RemovePins(andLinks: false);
        Assert.Equal(generation, _lab.Restart());
        Assert.Equal(passed, IdOf("dp_cgroup_passed"));
        Assert.Equal(["up0", "web0"], _lab.AttachedTo());
        // The flow is known still: its maps are the same.
        Assert.True(PassesOut(80, 40000));
        Assert.False(_lab.Apply(Policies.Friends).Changed);
        Assert.True(File.Exists(_lab.PinOf("dp_control")));
    }

    [KernelTheory]
    [InlineData(TcHookChoice.Tcx, false)]
    [InlineData(TcHookChoice.Clsact, true)]
    public void Without_an_agent_filters_outlive_the_file_system_and_links_do_not(TcHookChoice hook, bool outlives)
    {
        using var pins = new PinDirectory();
        string root = pins.PathOf("");
        using var lab = new ProgramLab(options => options with { TcHook = hook, BpfFileSystem = root });
        uint generation = lab.Apply(Policies.Friends).Generation;
        int uplink = lab.IndexOf("up0");
        lab.Kill();
        BpfFs.Unmount(root);
        // A link is let go in the background.
        SpinWait.SpinUntil(() => lab.ProgramsAt(uplink, TcDirection.Ingress).IsEmpty, outlives ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(20));
        Assert.Equal(outlives, !lab.ProgramsAt(uplink, TcDirection.Ingress).IsEmpty);
        BpfFs.Mount(root);
        Assert.Equal(outlives ? generation : 0, lab.Restart());
        // A start begins with the confirmed policy: whichever it was, the next apply judges again.
        lab.Apply(Policies.Friends);
        byte[] refused = Ethernet(IPv4("10.9.1.1", "10.0.0.1", Tcp, TcpHeader(40000, 81, Syn)));
        Assert.False(lab.Passes("up0", ingress: true, refused));
    }

    [KernelFact]
    public void A_link_whose_pin_is_gone_is_taken_over_and_not_doubled()
    {
        uint generation = _lab.Apply(Policies.Friends).Generation;
        using BpfLink held = HeldLink("up0");
        RemovePins(andLinks: true);
        Assert.Equal(generation, _lab.Restart());
        // Passes() asks for the one program of the hook: a second would be an error.
        Assert.True(Passes(40000, 80, Syn));
        Assert.True(File.Exists(Directory.GetFiles(PinPath, "*-ingress", SearchOption.AllDirectories).First()));
    }

    [KernelTheory]
    [InlineData(TcHookChoice.Tcx)]
    [InlineData(TcHookChoice.Clsact)]
    public async Task A_living_agent_pins_everything_again(TcHookChoice hook)
    {
        _lab.Dispose();
        _lab = new ProgramLab(options => options with { TcHook = hook });
        uint generation = _lab.Apply(Policies.Friends).Generation;
        // The qdisc of clsact that is ours has a directory.
        string[] pinned = Directory.GetFileSystemEntries(PinPath, "*", SearchOption.AllDirectories);
        Assert.Contains(pinned, path => path.EndsWith(hook == TcHookChoice.Tcx ? "-ingress" : "-made-qdisc", StringComparison.Ordinal));
        RemovePins(andLinks: true);
        Array.ForEach(Directory.GetDirectories(PinPath, "*-made-qdisc", SearchOption.AllDirectories), Directory.Delete);
        // Nothing is let through meanwhile: the agent holds its links.
        Assert.False(Passes(40000, 81, Syn));
        await Task.Delay(TimeSpan.FromSeconds(1.2), TestContext.Current.CancellationToken);
        _lab.TakeEvents();
        Assert.Equal(pinned.Order(), Directory.GetFileSystemEntries(PinPath, "*", SearchOption.AllDirectories).Order());
        _lab.Kill();
        Assert.False(Passes(40000, 81, Syn));
        Assert.Equal(generation, _lab.Restart());
    }

    public void Dispose() => _lab.Dispose();

    private bool Passes(ushort source, ushort destination, byte flags) =>
        _lab.Passes("up0", ingress: true, Ethernet(IPv4("10.9.1.1", "10.0.0.1", Tcp, TcpHeader(source, destination, flags))));

    private bool PassesOut(ushort source, ushort destination) =>
        _lab.Passes("up0", ingress: false, Ethernet(IPv4("10.0.0.1", "10.9.1.1", Tcp, TcpHeader(source, destination, Syn | Ack))));

    private BpfLink HeldLink(string interfaceName) => BpfLink.OpenPinned(Directory.GetFiles(PinPath, $"{_lab.IndexOf(interfaceName)}-ingress", SearchOption.AllDirectories).Single());

    private uint IdOf(string name)
    {
        using BpfMap map = BpfMap.OpenPinned(_lab.PinOf(name));
        return map.Id;
    }

    private void RemovePins(bool andLinks)
    {
        foreach (string pin in Directory.GetFiles(PinPath, "*", SearchOption.AllDirectories).Where(path => andLinks || !path.Contains("/links/", StringComparison.Ordinal)))
        {
            BpfFs.Unpin(pin);
        }
    }
}
