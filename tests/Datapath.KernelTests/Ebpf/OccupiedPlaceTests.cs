using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Somebody else is where our filter at clsact would be: nothing of theirs is touched, and nothing is said to be as it is not.</summary>
public sealed class OccupiedPlaceTests : IDisposable
{
    private readonly ProgramLab _lab = new(options => options with { TcHook = TcHookChoice.Clsact });

    [KernelFact]
    public void Another_instance_in_the_same_namespace_replaces_nothing()
    {
        _lab.Apply(Policies.Friends);
        using var other = new EbpfBackend(_lab.Options with { Instance = _lab.Name + "-b" });
        BackendException refusal = Assert.Throws<BackendException>(() => _lab.Run(() => other.Apply(_lab.Policy!, ProgramLab.Snapshot())));
        Assert.Contains("EEXIST", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(_lab.Run(() => other.Remove(dryRun: true)).Removed);
        Assert.False(_lab.Passes("up0", ingress: true, SynTo(81)));
        Assert.Single(_lab.TakeEvents());
    }

    [KernelFact]
    public void A_place_that_is_taken_is_reported_and_the_policy_is_in_force_everywhere_else()
    {
        using BpfObject theirs = TestObject.Load();
        _lab.Apply(Policies.Friends);
        int web = _lab.Run(() => ProgramLab.Snapshot().Interfaces.Single(one => one.Name == "web0").Index);
        TcHook place = new(web, TcDirection.Egress);
        _lab.Run(() => place.DetachFilter(Assert.Single(place.Query()).ProgramId));
        _lab.Run(() => place.Attach(theirs.Program("dp_it_copy"), TcMechanism.Clsact));

        ApplyReport report = _lab.Apply(Policies.NothingIncoming);
        Assert.Equal(2u, report.Generation);
        UnitNotEnforced taken = Assert.Single(report.NotEnforced);
        Assert.True(taken.MayBeLater);
        Assert.Contains("interface web0: ", taken.Reason, StringComparison.Ordinal);
        Assert.Equal("up0", Assert.Single(report.Attachments).Interface);
        Assert.False(_lab.Passes("up0", ingress: true, SynTo(80)));

        _lab.Run(() => place.DetachFilter(theirs.Program("dp_it_copy").Id));
        Assert.Empty(_lab.Apply(Policies.NothingIncoming).NotEnforced);
        Assert.False(_lab.Passes("web0", ingress: false, Ethernet(IPv4("10.9.1.1", "10.1.0.2", Tcp, TcpHeader(4000, 80, Syn))), forwarded: true));
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private static byte[] SynTo(ushort port) => Ethernet(IPv4("10.9.1.1", "10.0.0.1", Tcp, TcpHeader(4000, port, Syn)));
}
