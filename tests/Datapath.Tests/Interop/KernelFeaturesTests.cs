using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Xunit;

namespace Datapath.Tests.Interop;

/// <summary>A question without the version that answers it stops an agent at its start: each must have one.</summary>
public sealed class KernelFeaturesTests
{
    public static TheoryData<BpfHelper> Helpers => [.. Enum.GetValues<BpfHelper>()];

    [Theory]
    [MemberData(nameof(Helpers))]
    public void Every_helper_that_is_asked_for_has_the_kernel_that_first_had_it(BpfHelper helper) =>
        Assert.True(KernelFeatures.Helper(helper).FirstVersion is { Major: >= 3 });
}
