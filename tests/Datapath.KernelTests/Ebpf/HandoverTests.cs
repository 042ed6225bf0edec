using Datapath.Backends.Ebpf;
using Datapath.Flows;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Ebpf;

/// <summary>Interfaces that change hands: with the policy, or because another interface has their number now.</summary>
public sealed class HandoverTests
{
    private const int Rounds = 12;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly byte[] Denied = Ethernet(IPv4("10.1.0.2", "10.9.1.1", Tcp, TcpHeader(40000, 444, Syn)));

    private static bool HasTcx => Environment.OSVersion.Version >= new Version(6, 6);

    [KernelFact]
    public async Task No_packet_is_judged_by_a_unit_that_its_generation_does_not_have_there()
    {
        // More events than a CPU may send by default: every packet is one.
        using var lab = new ProgramLab(options => options with { EventsPerSecond = 1_000_000 });
        string[] owners = ["web", "db"];
        var expected = new Dictionary<uint, int>();
        Own("web");
        using var stop = new CancellationTokenSource();
        Task<(int Passed, int Dropped)> packets = Task.Run(() => lab.PassUntil("web0", Denied, stop.Token), TestContext.Current.CancellationToken);
        var events = new List<FlowEvent>();
        try
        {
            for (int round = 0; round < Rounds; round++)
            {
                Own(owners[round % 2]);
                // On a busy machine the packets may come late: each generation is to meet some.
                Assert.True(SpinWait.SpinUntil(HasMetTheLatest, Patience), $"no packet met generation {expected.Keys.Max()}");
            }
        }
        finally
        {
            await stop.CancelAsync();
        }

        Assert.Equal(0, (await packets).Passed);
        Assert.Empty(events.Where(one => one.Unit != expected[one.Generation] || one.Reason != DropReason.Policy).Take(5));

        bool HasMetTheLatest()
        {
            events.AddRange(lab.TakeEvents());
            return events.Count > 0 && events[^1].Generation == expected.Keys.Max();
        }

        void Own(string owner)
        {
            uint generation = lab.Apply(OwnedBy(owner, allowed: 1000 + expected.Count)).Generation;
            expected[generation] = lab.Policy!.Units.Single(unit => unit.Name == owner).Number;
        }
    }

    [KernelTheory]
    [InlineData(TcHookChoice.Tcx)]
    [InlineData(TcHookChoice.Clsact)]
    public void An_interface_with_the_number_of_an_earlier_one_is_not_adopted_with_its_unit(TcHookChoice hook)
    {
        Assert.SkipUnless(hook == TcHookChoice.Clsact || HasTcx, "needs tcx (Linux 6.6)");
        using var lab = new ProgramLab(options => options with { TcHook = hook });
        lab.Apply(Policies.Friends);
        int index = lab.Interface("web0").Index;
        TcProgram before = Assert.Single(lab.ProgramsAt(lab.Interface("up0").Index, TcDirection.Ingress));
        lab.Backend.Dispose();
        lab.DeleteInterface("web0");
        lab.AddInterface("other", index);
        Assert.NotEqual(0u, lab.Restart());
        Assert.Equal(index, lab.Interface("other").Index);
        Assert.Empty(lab.ProgramsAt(index, TcDirection.Ingress));
        Assert.Empty(lab.ProgramsAt(index, TcDirection.Egress));
        // The one that is still there is renewed.
        TcProgram after = Assert.Single(lab.ProgramsAt(lab.Interface("up0").Index, TcDirection.Ingress));
        Assert.NotEqual(before.ProgramId, after.ProgramId);
        // And the next apply has the right unit there.
        lab.Host = host => host with { Interfaces = [.. host.Interfaces, lab.Interface("other")] };
        lab.Apply(Policies.Friends);
        Assert.False(lab.Passes("other", ingress: true, Denied));
        Assert.Equal(1, Assert.Single(lab.TakeEvents()).Unit);
    }

    [KernelFact]
    public void A_link_that_was_left_without_its_interface_is_replaced()
    {
        Assert.SkipUnless(HasTcx, "needs tcx (Linux 6.6)");
        using var lab = new ProgramLab(options => options with { TcHook = TcHookChoice.Tcx });
        lab.Apply(Policies.Friends);
        int index = lab.Interface("web0").Index;
        lab.DeleteInterface("web0");
        lab.AddInterface("web0", index);
        lab.Apply(Policies.Friends);
        Assert.Single(lab.ProgramsAt(index, TcDirection.Ingress));
        Assert.False(lab.Passes("web0", ingress: true, Denied));
    }

    [KernelFact]
    public void An_interface_that_moved_away_takes_no_program_of_ours_with_it_when_its_number_is_given_to_another()
    {
        Assert.SkipUnless(HasTcx, "needs tcx (Linux 6.6)");
        using var lab = new ProgramLab(options => options with { TcHook = TcHookChoice.Tcx });
        using var elsewhere = new VethLab();
        lab.Apply(Policies.Friends);
        int index = lab.Interface("web0").Index;
        CommandRunner.Run("ip", "-n", lab.Name, "link", "set", "web0p", "name", "left");
        CommandRunner.Run("ip", "-n", lab.Name, "link", "set", "web0", "netns", elsewhere.Name);
        lab.AddInterface("web0", index);
        lab.Apply(Policies.Friends);
        Assert.Single(lab.ProgramsAt(index, TcDirection.Ingress));
        Assert.False(lab.Passes("web0", ingress: true, Denied));
        int moved = elsewhere.Run(() => Rtnetlink.Links().Single(link => link.Name == "web0").Index);
        Assert.Empty(elsewhere.Run(() => new TcHook(moved, TcDirection.Ingress).Query()));
    }

    /// <summary>The policy of two units that may open one port, so that every policy is another; one of them has the interface web0.</summary>
    private static string OwnedBy(string owner, int allowed) =>
        $$"""
        APIVersion: 1
        label: handover
        data:
          namespaces:
            - name: /t
              defaultPUIncomingTrafficAction: Reject
              defaultPUOutgoingTrafficAction: Reject
          processingunits:
            - { name: web, namespace: /t, attach: { interface: {{(owner == "web" ? "web0" : "none0")}} }, addresses: [10.1.0.2] }
            - { name: db, namespace: /t, attach: { interface: {{(owner == "db" ? "web0" : "none0")}} }, addresses: [10.1.0.3] }
          externalnetworks:
            - { name: friends, namespace: /t, associatedTags: ["externalnetwork:name=friends"], entries: [10.9.0.0/16] }
          networkrulesetpolicies:
            - name: everyone
              namespace: /t
              subject: [["$identity=processingunit"]]
              outgoingRules:
                - { action: Allow, object: [["externalnetwork:name=friends"]], protocolPorts: [tcp/{{allowed}}] }
        """;
}
