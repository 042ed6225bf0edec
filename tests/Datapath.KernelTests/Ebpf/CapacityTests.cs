using Datapath.Backends;
using Datapath.Backends.Ebpf;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
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
        long enough = ((3 * refusal.Needed) + (1 << 20) - 1) >> 20;
        Assert.Equal(
            $"the policy needs {refusal.Needed} bytes of kernel memory, {refusal.Available} are available; "
                + $"an agent that begins after `datapath purge` with --ebpf-image-memory {enough} has room for it",
            refusal.Message
        );
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

    [KernelFact]
    public void With_the_memory_that_a_refusal_names_the_policy_has_room_on_trial_too()
    {
        long needed;
        using (var small = new ProgramLab(options => options with { ArenaBytes = RoomForNoneBytes }))
        {
            needed = Assert.Throws<PolicyTooLargeException>(() => small.Apply(Policies.Friends)).Needed;
        }

        using var lab = new ProgramLab(options => options with { ArenaBytes = ((3 * needed) + (1 << 20) - 1) >> 20 << 20 });
        lab.Apply(Policies.Friends);
        lab.Apply(Policies.NothingIncoming, new ApplyOptions { ConfirmWithin = TimeSpan.FromHours(1) });
        // The host changes while a policy is on trial: a third one is written beside the two.
        var fallback = new ApplyOptions { Fallback = lab.Compile(Policies.Friends) };
        Assert.NotEqual(0u, lab.Apply(Policies.NothingIncoming + Policies.HandsOffWeb, fallback).Generation);
    }

    [KernelFact]
    public void What_cannot_be_taken_away_does_not_hide_why_the_first_policy_was_refused()
    {
        using var pins = new PinDirectory();
        using var lab = new ProgramLab(options => options with { BpfFileSystem = pins.PathOf("") });
        string own = Path.Combine(pins.PathOf("datapath"), lab.Name);
        lab.Apply(Policies.Friends);
        string layout = Directory.GetDirectories(own).Single();
        lab.Run(() => lab.Backend.Remove(dryRun: false));
        // A map cannot be pinned where there is a directory, and a mount point cannot be removed.
        Directory.CreateDirectory(Path.Combine(layout, "maps", "dp_arena"));
        string mounted = Directory.CreateDirectory(Path.Combine(own, "mounted")).FullName;
        CommandRunner.Run("mount", "-t", "tmpfs", "none", mounted);
        try
        {
            var refusal = Assert.Throws<BackendException>(() => lab.Apply(Policies.Friends));
            string[] both = refusal.Message.Split("; and what was made cannot be taken away: ");
            Assert.Equal(2, both.Length);
            Assert.Contains("load", both[0], StringComparison.Ordinal);
            Assert.Contains("busy", both[1], StringComparison.Ordinal);
        }
        finally
        {
            CommandRunner.Run("umount", mounted);
        }
    }

    [KernelFact]
    public async Task An_agent_sets_aside_as_much_as_it_is_told()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await lab.StartAsync("--ebpf-image-memory", "5");
        string pin = Directory.EnumerateFiles($"{EbpfOptions.DefaultBpfFileSystem}/datapath/{lab.Site.Instance}", "dp_arena", SearchOption.AllDirectories).Single();
        using BpfMap arena = BpfMap.OpenPinned(pin);
        Assert.Equal(5u << 20, arena.MaxEntries * (uint)arena.ValueBytes);
    }

    private static void AssertFriends(ProgramLab lab)
    {
        Assert.True(lab.Passes("web0", ingress: false, SynTo(80), forwarded: true));
        Assert.False(lab.Passes("web0", ingress: false, SynTo(81), forwarded: true));
    }

    private static byte[] SynTo(ushort port) => Ethernet(IPv4("10.9.1.1", "10.1.0.2", Tcp, TcpHeader(4000, port, Syn)));
}
