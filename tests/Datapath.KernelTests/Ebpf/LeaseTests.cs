using System.Diagnostics;
using System.Net;
using Datapath.Backends;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>What ends by itself, in the kernel: nobody of ours is needed for it.</summary>
public sealed class LeaseTests : IDisposable
{
    // Long enough to see what holds until then, on a busy machine too.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan NotDuringTheTest = TimeSpan.FromHours(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly ApplyOptions ConfirmSoon = new() { ConfirmWithin = Soon };
    private static readonly ApplyOptions ConfirmLater = new() { ConfirmWithin = NotDuringTheTest };

    private readonly ProgramLab _lab = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task A_policy_that_nobody_confirms_goes_by_itself_with_the_agent_dead()
    {
        uint good = _lab.Apply(Policies.Friends).Generation;
        Assert.True(In(40000, 80, Syn));
        uint bad = _lab.Apply(Policies.NothingIncoming, ConfirmSoon).Generation;
        Assert.NotEqual(good, bad);
        // A flow that was open is cut, and lives again afterwards.
        Assert.False(In(40000, 80, Ack));
        _lab.Kill();
        await UntilAsync(() => In(40000, 80, Ack));
        Assert.True(In(40001, 80, Syn));
        Assert.False(In(40001, 81, Syn));

        Assert.Equal(good, _lab.Restart());
        Assert.Equal(new PendingLease(LeaseKind.Confirm, TimeSpan.Zero), Lease());
        Assert.Equal(good, _lab.Run(_lab.Backend.Rollback));
        Assert.Equal(PendingLease.None, Lease());
        Assert.True(In(40002, 80, Syn));
    }

    [KernelFact]
    public void A_confirmed_policy_stays()
    {
        _lab.Apply(Policies.Friends);
        uint generation = _lab.Apply(Policies.NothingIncoming, ConfirmLater).Generation;
        Assert.Equal(LeaseKind.Confirm, Lease().Kind);
        Assert.InRange(Lease().Left, TimeSpan.FromMinutes(1), NotDuringTheTest);
        Assert.True(_lab.Run(_lab.Backend.Confirm));
        Assert.Equal(PendingLease.None, Lease());
        Assert.False(_lab.Run(_lab.Backend.Confirm));
        Assert.Equal(generation, _lab.Restart());
        Assert.False(In(40000, 80, Syn));
    }

    [KernelFact]
    public async Task What_is_over_cannot_be_confirmed()
    {
        uint good = _lab.Apply(Policies.Friends).Generation;
        _lab.Apply(Policies.NothingIncoming, ConfirmSoon);
        await UntilAsync(() => Lease().IsOver);
        Assert.False(_lab.Run(_lab.Backend.Confirm));
        Assert.Equal(good, _lab.Run(_lab.Backend.Rollback));
        Assert.True(In(40000, 80, Syn));
    }

    [KernelFact]
    public void A_rollback_brings_the_policy_before_back_at_once()
    {
        uint good = _lab.Apply(Policies.Friends).Generation;
        _lab.Apply(Policies.NothingIncoming, ConfirmLater);
        Assert.False(In(40000, 80, Syn));
        Assert.Equal(good, _lab.Run(_lab.Backend.Rollback));
        Assert.True(In(40000, 80, Syn));
        Assert.Throws<BackendException>(() => _lab.Run(_lab.Backend.Rollback));
    }

    [KernelFact]
    public void A_second_policy_is_refused_while_one_waits_and_so_is_a_pause()
    {
        _lab.Apply(Policies.Friends);
        uint waiting = _lab.Apply(Policies.NothingIncoming, ConfirmLater).Generation;
        Assert.Throws<BackendException>(() => _lab.Apply(Policies.NothingOutgoing));
        Assert.Throws<BackendException>(() => _lab.Apply(Policies.NothingOutgoing, ConfirmLater));
        Assert.Throws<BackendException>(() =>
            _lab.Run(() =>
            {
                _lab.Backend.Pause(Soon);
                return 0;
            })
        );
        Assert.Equal(waiting, _lab.Restart());
        Assert.False(In(40000, 80, Syn));
    }

    [KernelFact]
    public void Without_a_policy_to_fall_back_to_none_is_taken_on_trial()
    {
        Assert.Throws<BackendException>(() => _lab.Apply(Policies.Friends, ConfirmLater));
        Assert.Empty(_lab.Run(() => _lab.Backend.Remove(dryRun: true)).Removed);
    }

    [KernelFact]
    public async Task Both_policies_follow_the_host_while_one_waits()
    {
        _lab.Apply(Policies.Friends);
        _lab.Apply(Policies.NothingIncoming, ConfirmSoon);
        // A friend more for either: the port shows which of the two judges.
        string[] moved = [.. new[] { Policies.NothingIncoming, Policies.Friends }.Select(one => one.Replace("!10.9.9.0/24", "10.10.0.0/16", StringComparison.Ordinal))];
        PendingLease before = Lease();
        _lab.Apply(_lab.Compile(moved[0]), ApplyOptions.None with { Fallback = _lab.Compile(moved[1]) });
        Assert.True(Lease().Left <= before.Left, "the time began anew");
        Assert.True(Out(40000, 443, "10.10.0.1"));
        Assert.False(In(40000, 80, Syn, "10.10.0.1") && !Lease().IsOver);
        _lab.Kill();
        await UntilAsync(() => In(40001, 80, Syn, "10.10.0.1"));
    }

    [KernelFact]
    public void The_policy_to_fall_back_to_is_tried_before_it_takes_the_place_of_the_one_there()
    {
        _lab.Apply(Policies.Friends);
        _lab.Apply(Policies.NothingIncoming, ConfirmLater);
        CompiledPolicy moved = _lab.Compile(Policies.Friends.Replace("!10.9.9.0/24", "10.10.0.0/16", StringComparison.Ordinal));
        // What it says of the friend that it has more is the opposite.
        var wrong = new Canary(LocalUnit.HostNumber, Direction.Incoming, AddressKey.From(IPAddress.Parse("10.10.0.1")), PortTable.Tcp, 80, Verdict.Reject, RuleIndex: 0);
        ApplyOptions both = ApplyOptions.None with { Fallback = moved, FallbackCanaries = [wrong] };
        Assert.Throws<CanaryException>(() => _lab.Apply(_lab.Compile(Policies.NothingIncoming), both));
        _lab.Run(_lab.Backend.Rollback);
        Assert.True(In(40000, 80, Syn));
        Assert.False(In(40000, 80, Syn, "10.10.0.1"));
    }

    [KernelFact]
    public async Task An_interface_that_only_the_old_policy_judges_is_judged_again_when_it_is_back()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(ToPod(81));
        _lab.Apply(Policies.Friends + Policies.HandsOffWeb, ConfirmSoon);
        Assert.True(ToPod(81) || Lease().IsOver);
        _lab.Kill();
        await UntilAsync(() => !ToPod(81));
        Assert.True(ToPod(80));
        _lab.Restart();
        _lab.Run(_lab.Backend.Rollback);
        Assert.False(ToPod(81));
        _lab.Apply(Policies.Friends + Policies.HandsOffWeb, ConfirmLater);
        Assert.True(_lab.Run(_lab.Backend.Confirm));
        // Nobody needs it any more: our program has left it.
        Assert.DoesNotContain("web0", _lab.AttachedTo());
    }

    [KernelFact]
    public async Task A_pause_lets_everything_pass_counted_and_ends_by_itself_with_the_agent_dead()
    {
        _lab.Apply(Policies.Friends);
        Assert.False(In(40000, 81, Syn));
        Pause(Soon);
        bool passed = In(40000, 81, Syn) && Out(81, 40000) && PassesFrame(Ethernet(IPv4(Friend, Host, Tcp, TcpHeader(1, 1, Syn), new IPv4Fields { HeaderWords = 3 })));
        Assert.True(passed || Lease().IsOver);
        Assert.Equal(LeaseKind.Pause, Lease().Kind);
        Assert.True(_lab.Backend.ReadCounters().Statistics["passed_while_paused"] >= 3);
        // What is allowed opens flows as ever, and they live on.
        Assert.True(In(40000, 80, Syn));
        _lab.Kill();
        await UntilAsync(() => !In(40000, 81, Syn));
        Assert.True(Out(80, 40000));
    }

    [KernelFact]
    public void A_pause_outlives_a_new_policy_and_ends_when_it_is_told_to()
    {
        _lab.Apply(Policies.Friends);
        Pause(NotDuringTheTest);
        _lab.Apply(Policies.NothingIncoming);
        Assert.Equal(LeaseKind.Pause, Lease().Kind);
        Assert.True(In(40000, 80, Syn));
        Assert.True(_lab.Run(_lab.Backend.Resume));
        Assert.False(In(40000, 80, Syn));
        Assert.False(_lab.Run(_lab.Backend.Resume));
    }

    public void Dispose() => _lab.Dispose();

    private const string Friend = "10.9.1.1";
    private const string Host = "10.0.0.1";

    private static async Task UntilAsync(Func<bool> isSo)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "it did not come to pass");
            await Task.Delay(20, Token);
        }
    }

    private PendingLease Lease() => _lab.Backend.ReadLease();

    private void Pause(TimeSpan time) =>
        _lab.Run(() =>
        {
            _lab.Backend.Pause(time);
            return 0;
        });

    private bool In(ushort source, ushort destination, byte flags, string from = Friend) =>
        PassesFrame(Ethernet(IPv4(from, Host, Tcp, TcpHeader(source, destination, flags))));

    private bool Out(ushort source, ushort destination, string to = Friend) =>
        _lab.Passes("up0", ingress: false, Ethernet(IPv4(Host, to, Tcp, TcpHeader(source, destination, destination == 443 ? Syn : Ack))));

    private bool PassesFrame(byte[] frame) => _lab.Passes("up0", ingress: true, frame);

    private bool ToPod(ushort port) =>
        _lab.Passes("web0", ingress: false, Ethernet(IPv4(Friend, "10.1.0.2", Tcp, TcpHeader(40000, port, Syn))), forwarded: true);
}
