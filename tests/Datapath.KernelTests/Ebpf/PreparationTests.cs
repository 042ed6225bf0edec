using System.Net;
using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

/// <summary>What the first policy needs is made while its files are still read; nobody but that policy may find any of it.</summary>
public sealed class PreparationTests : IDisposable
{
    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void What_was_prepared_and_never_applied_goes_with_the_agent()
    {
        Prepare();
        Assert.True(Directory.Exists(Pins));
        _lab.Kill();
        Assert.False(Directory.Exists(Pins));
    }

    [KernelFact]
    public void The_first_policy_uses_it_and_makes_it_stay()
    {
        Prepare();
        Assert.Equal(1u, _lab.Apply(Policies.Friends).Generation);
        Assert.Equal(1u, _lab.Restart());
        Assert.False(_lab.Passes("up0", ingress: true, Syn81()));
    }

    [KernelFact]
    public void A_first_policy_that_is_refused_takes_it_along()
    {
        Prepare();
        CompiledPolicy policy = _lab.Compile(Policies.Friends);
        Canary wrong = new(policy.Units[0].Number, Direction.Incoming, AddressKey.From(IPAddress.Parse("10.9.1.1")), PortTable.Tcp, 81, Verdict.Allow, RuleIndex: 1);
        Assert.Throws<CanaryException>(() => _lab.Apply(policy, new ApplyOptions { Canaries = [wrong] }));
        Assert.False(Directory.Exists(Pins));
        Assert.Equal(1u, _lab.Apply(policy).Generation);
    }

    [KernelFact]
    public void Where_a_policy_is_in_force_nothing_is_prepared_and_nothing_goes()
    {
        _lab.Apply(Policies.Friends);
        _lab.Kill();
        using (EbpfBackend next = new(_lab.Options))
        {
            Prepare(next);
        }

        Assert.Equal(1u, _lab.Restart());
        Assert.False(_lab.Passes("up0", ingress: true, Syn81()));
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    private string Pins => Path.Combine(_lab.Options.BpfFileSystem, "datapath", _lab.Name);

    private void Prepare(EbpfBackend? backend = null) =>
        _lab.Run(() =>
        {
            (backend ?? _lab.Backend).Prepare();
            return true;
        });

    private static byte[] Syn81() => Packet.Ethernet(Packet.IPv4("10.9.1.1", "10.0.0.1", Packet.Tcp, Packet.TcpHeader(4000, 81, Packet.Syn)));
}
