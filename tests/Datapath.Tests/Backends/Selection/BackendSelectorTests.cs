using System.Collections.Immutable;
using Datapath.Backends.Selection;
using Xunit;

namespace Datapath.Tests.Backends.Selection;

public sealed class BackendSelectorTests
{
    private static readonly ImmutableArray<BackendKind> Both = [BackendKind.Ebpf, BackendKind.Iptables];
    private static readonly ImmutableArray<BackendKind> OnlyEbpf = [BackendKind.Ebpf];

    private static Requirement Row(string id, RequirementScope scope, Finding finding, RequirementLevel level = RequirementLevel.Needed) =>
        new(id, id, scope, level, finding, "evidence");

    private static BackendSelection Select(bool enableEbpf, ImmutableArray<BackendKind> built, params Requirement[] rows) =>
        BackendSelector.Select(enableEbpf, [.. rows], built);

    [Fact]
    public void Without_the_opt_in_it_is_iptables_however_able_the_kernel()
    {
        BackendSelection choice = Select(enableEbpf: false, Both);
        Assert.Equal((BackendKind.Iptables, BackendKind.Iptables), (choice.Asked, choice.Chosen));
        Assert.Equal("eBPF was not asked for, and everything that iptables needs is there", choice.Reason);
    }

    [Fact]
    public void With_the_opt_in_it_is_ebpf_whatever_iptables_lacks()
    {
        BackendSelection choice = Select(enableEbpf: true, Both, Row("ipset", RequirementScope.Iptables, Finding.Missing));
        Assert.Equal(BackendKind.Ebpf, choice.Chosen);
        Assert.Equal("eBPF was asked for, and everything that ebpf needs is there", choice.Reason);
        Assert.Empty(choice.InTheWay);
    }

    [Fact]
    public void What_ebpf_lacks_makes_it_iptables_with_the_reason()
    {
        BackendSelection choice = Select(
            enableEbpf: true,
            Both,
            Row("bpf(2)", RequirementScope.Ebpf, Finding.Missing),
            Row("bpffs", RequirementScope.Ebpf, Finding.Missing)
        );
        Assert.Equal((BackendKind.Ebpf, BackendKind.Iptables), (choice.Asked, choice.Chosen));
        Assert.Equal("eBPF was asked for, but ebpf lacks bpf(2) and 1 more: iptables takes its place", choice.Reason);
        Assert.Equal(["bpf(2)", "bpffs"], choice.InTheWay.Select(one => one.Id));
    }

    [Fact]
    public void Where_neither_can_it_is_none_and_both_reasons_are_told()
    {
        BackendSelection choice = Select(
            enableEbpf: true,
            Both,
            Row("bpf(2)", RequirementScope.Ebpf, Finding.Missing),
            Row("CAP_NET_ADMIN", RequirementScope.Both, Finding.Missing)
        );
        Assert.Equal(BackendKind.None, choice.Chosen);
        Assert.Equal("eBPF was asked for, but ebpf lacks bpf(2) and 1 more, and iptables lacks CAP_NET_ADMIN", choice.Reason);
        Assert.Equal(["bpf(2)", "CAP_NET_ADMIN"], choice.InTheWay.Select(one => one.Id));
    }

    [Fact]
    public void What_is_useful_or_not_known_is_in_nobodys_way()
    {
        BackendSelection choice = Select(
            enableEbpf: true,
            Both,
            Row("jit", RequirementScope.Ebpf, Finding.Missing, RequirementLevel.Useful),
            Row("btf", RequirementScope.Ebpf, Finding.Missing, RequirementLevel.Information),
            Row("bpffs", RequirementScope.Ebpf, Finding.CouldNotTell)
        );
        Assert.Equal(BackendKind.Ebpf, choice.Chosen);
        Assert.Equal("eBPF was asked for, and nothing that ebpf needs is known to be missing, but 1 could not be told", choice.Reason);
        Assert.Equal(["bpffs"], choice.NotKnown.Select(one => one.Id));
    }

    [Theory]
    [InlineData(false, "eBPF was not asked for, but iptables is not part of this build")]
    [InlineData(true, "eBPF was asked for, but ebpf lacks bpf(2), and iptables is not part of this build")]
    public void A_backend_that_is_not_built_is_not_chosen(bool enableEbpf, string reason)
    {
        BackendSelection choice = Select(enableEbpf, OnlyEbpf, Row("bpf(2)", RequirementScope.Ebpf, Finding.Missing));
        Assert.Equal((BackendKind.None, reason), (choice.Chosen, choice.Reason));
    }
}
