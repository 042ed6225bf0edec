using Datapath.Backends;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>A policy that does not fit: refused with numbers, and nothing changes.</summary>
public sealed class CapacityTests
{
    // The smallest policy takes 1.2 MB, and two generations must find room side by side.
    private const int RoomForOneBytes = 3 << 19;
    private const int RoomForNoneBytes = 1 << 20;

    [KernelFact]
    public void A_policy_that_does_not_fit_is_refused_with_numbers_and_the_old_one_stays()
    {
        using var lab = new ProgramLab(options => options with { ArenaBytes = RoomForOneBytes });
        ApplyReport applied = lab.Apply(Policies.Friends);
        Assert.Equal(RoomForOneBytes, applied.BytesAvailable);
        var refusal = Assert.Throws<PolicyTooLargeException>(() => lab.Apply(Policies.NothingIncoming));
        Assert.Equal(RoomForOneBytes - applied.BytesUsed, refusal.Available);
        Assert.True(refusal.Needed > refusal.Available);
        Assert.Equal($"the policy needs {refusal.Needed} bytes of kernel memory, {refusal.Available} are available", refusal.Message);
        Assert.Equal(applied.Generation, lab.Restart());
        AssertFriends(lab);
    }

    [KernelFact]
    public void An_interface_that_the_refused_policy_excludes_is_still_judged()
    {
        using var lab = new ProgramLab(options => options with { ArenaBytes = RoomForOneBytes });
        lab.Apply(Policies.Friends);
        Assert.Throws<PolicyTooLargeException>(() => lab.Apply(Policies.NothingIncoming + Policies.HandsOffWeb));
        AssertFriends(lab);
    }

    [KernelFact]
    public void A_first_policy_that_does_not_fit_installs_nothing()
    {
        using var lab = new ProgramLab(options => options with { ArenaBytes = RoomForNoneBytes });
        Assert.Throws<PolicyTooLargeException>(() => lab.Apply(Policies.Friends));
        Assert.Empty(lab.Run(() => lab.Backend.Remove(dryRun: true)).Removed);
    }

    private static void AssertFriends(ProgramLab lab)
    {
        Assert.True(lab.Passes("web0", ingress: false, SynTo(80), forwarded: true));
        Assert.False(lab.Passes("web0", ingress: false, SynTo(81), forwarded: true));
    }

    private static byte[] SynTo(ushort port) => Ethernet(IPv4("10.9.1.1", "10.1.0.2", Tcp, TcpHeader(4000, port, Syn)));
}
