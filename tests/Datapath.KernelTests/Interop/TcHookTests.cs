using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Interop;

/// <summary>Attaching at tc, both ways, on a veth of a namespace of its own.</summary>
public sealed class TcHookTests
{
    [KernelFact]
    public void Tcx_is_attached_seen_and_gone_with_its_link()
    {
        Assert.SkipUnless(HasTcx, "needs tcx (Linux 6.6)");
        using var lab = new VethLab();
        using BpfObject loaded = TestObject.Load();
        BpfProgram program = loaded.Program("dp_it_count");
        lab.Run(() =>
        {
            var hook = new TcHook(lab.InterfaceIndex, TcDirection.Egress);
            using (TcAttachment attachment = hook.Attach(program))
            {
                Assert.Equal(TcMechanism.Tcx, attachment.Mechanism);
                Assert.Equal([new TcProgram(TcMechanism.Tcx, program.Id)], hook.Query());
                LinkDescription link = Assert.IsType<BpfLink>(attachment.Link).Describe();
                Assert.Equal((lab.InterfaceIndex, AttachType.TcxEgress, program.Id), (link.InterfaceIndex, link.Place!.Value, link.ProgramId));
            }

            Assert.Empty(hook.Query());
        });
    }

    [KernelFact]
    public void A_link_whose_interface_is_gone_takes_no_other_program()
    {
        Assert.SkipUnless(HasTcx, "needs tcx (Linux 6.6)");
        using var lab = new VethLab();
        using BpfObject first = TestObject.Load();
        using BpfObject second = TestObject.Load();
        lab.Run(() =>
        {
            using TcAttachment attachment = new TcHook(lab.InterfaceIndex, TcDirection.Ingress).Attach(first.Program("dp_it_count"));
            CommandRunner.Run("ip", "-n", lab.Name, "link", "delete", "dpi0");
            KernelException refusal = Assert.Throws<KernelException>(() => attachment.Link!.Update(second.Program("dp_it_count")));
            Assert.Equal((Errno.NoLink, "ENOLINK", 0), (refusal.Number, refusal.Symbol, attachment.Link!.Describe().InterfaceIndex));
        });
    }

    [KernelFact]
    public void Clsact_stays_until_it_is_detached_and_the_qdisc_we_made_goes()
    {
        using var lab = new VethLab();
        using BpfObject loaded = TestObject.Load();
        BpfProgram program = loaded.Program("dp_it_count");
        lab.Run(() =>
        {
            var hook = new TcHook(lab.InterfaceIndex, TcDirection.Ingress);
            using TcAttachment attachment = hook.Attach(program, TcMechanism.Clsact);
            Assert.True(attachment.MadeQdisc);
            Assert.Equal([new TcProgram(TcMechanism.Clsact, program.Id)], hook.Query());
            Assert.False(TcHook.RemoveEmptyQdisc(lab.InterfaceIndex));
            Assert.False(hook.DetachFilter(program.Id + 1));
            Assert.True(hook.DetachFilter(program.Id));
            Assert.False(hook.DetachFilter(program.Id));
            Assert.Empty(hook.Query());
            Assert.True(TcHook.RemoveEmptyQdisc(lab.InterfaceIndex));
        });
        Assert.DoesNotContain("clsact", lab.Tc("qdisc", "show", "dev", "dpi0"), StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_second_attach_at_clsact_replaces_the_first_without_a_gap()
    {
        using var lab = new VethLab();
        using BpfObject first = TestObject.Load();
        using BpfObject second = TestObject.Load();
        lab.Run(() =>
        {
            var hook = new TcHook(lab.InterfaceIndex, TcDirection.Egress);
            hook.Attach(first.Program("dp_it_count"), TcMechanism.Clsact);
            TcAttachment again = hook.Attach(second.Program("dp_it_count"), TcMechanism.Clsact);
            Assert.False(again.MadeQdisc);
            Assert.Equal([new TcProgram(TcMechanism.Clsact, second.Program("dp_it_count").Id)], hook.Query());
        });
    }

    [KernelFact]
    public void A_stranger_at_our_place_is_not_replaced()
    {
        using var lab = new VethLab();
        using BpfObject loaded = TestObject.Load();
        lab.Run(() =>
        {
            var hook = new TcHook(lab.InterfaceIndex, TcDirection.Egress);
            hook.Attach(loaded.Program("dp_it_copy"), TcMechanism.Clsact);
            KernelException refusal = Assert.Throws<KernelException>(() => hook.Attach(loaded.Program("dp_it_count"), TcMechanism.Clsact));
            Assert.Equal("EEXIST", refusal.Symbol);
            Assert.Equal([new TcProgram(TcMechanism.Clsact, loaded.Program("dp_it_copy").Id)], hook.Query());
        });
    }

    [KernelFact]
    public void A_qdisc_of_somebody_else_stays_and_so_does_its_filter()
    {
        using var lab = new VethLab();
        lab.Tc("qdisc", "add", "dev", "dpi0", "clsact");
        using BpfObject loaded = TestObject.Load();
        using var pins = new PinDirectory();
        loaded.Program("dp_it_copy").Pin(pins.PathOf("theirs"));
        lab.Tc("filter", "add", "dev", "dpi0", "egress", "prio", "9", "bpf", "da", "pinned", pins.PathOf("theirs"));
        lab.Run(() =>
        {
            var hook = new TcHook(lab.InterfaceIndex, TcDirection.Ingress);
            using TcAttachment attachment = hook.Attach(loaded.Program("dp_it_count"), TcMechanism.Clsact);
            Assert.False(attachment.MadeQdisc);
            Assert.True(hook.DetachFilter(loaded.Program("dp_it_count").Id));
            Assert.False(TcHook.RemoveEmptyQdisc(lab.InterfaceIndex));
        });
        Assert.Contains("theirs", lab.Tc("filter", "show", "dev", "dpi0", "egress"), StringComparison.Ordinal);
    }

    [KernelFact]
    public void An_interface_that_is_not_there_is_refused_by_name()
    {
        using BpfObject loaded = TestObject.Load();
        KernelException refusal = Assert.Throws<KernelException>(
            () => new TcHook(999_999, TcDirection.Ingress).Attach(loaded.Program("dp_it_count"), TcMechanism.Clsact));
        Assert.Equal("ENODEV", refusal.Symbol);
        Assert.Contains("ingress of interface 999999", refusal.Message, StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_pinned_link_is_found_again_and_the_pin_holds_it()
    {
        Assert.SkipUnless(HasTcx, "needs tcx (Linux 6.6)");
        using var lab = new VethLab();
        using var pins = new PinDirectory();
        using BpfObject loaded = TestObject.Load();
        lab.Run(() =>
        {
            var hook = new TcHook(lab.InterfaceIndex, TcDirection.Ingress);
            using (TcAttachment attachment = hook.Attach(loaded.Program("dp_it_count"), TcMechanism.Tcx))
            {
                attachment.Link!.Pin(pins.PathOf("link"));
            }

            Assert.Single(hook.Query());
            using (BpfLink again = BpfLink.OpenPinned(pins.PathOf("link")))
            {
                again.Update(loaded.Program("dp_it_copy"));
            }

            Assert.Equal(loaded.Program("dp_it_copy").Id, Assert.Single(hook.Query()).ProgramId);
            using (BpfLink last = BpfLink.OpenPinned(pins.PathOf("link")))
            {
                last.Detach();
            }

            Assert.Empty(hook.Query());
            Assert.True(BpfFs.Unpin(pins.PathOf("link")));
            Assert.False(BpfFs.Unpin(pins.PathOf("link")));
        });
    }

    private static bool HasTcx => Environment.OSVersion.Version >= new Version(6, 6);
}
