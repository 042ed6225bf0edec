using Datapath.Backends.Ebpf;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Ebpf;

public sealed class FindInstancesTests
{
    [KernelFact]
    public void An_instance_of_another_network_namespace_is_not_found_here()
    {
        using var here = new ProgramLab();
        using var elsewhere = new ProgramLab();
        here.Apply(Policies.Friends);
        elsewhere.Apply(Policies.Friends);
        string[] found = [.. here.Run(() => EbpfBackend.FindInstances())];
        Assert.Contains(here.Name, found);
        // Purging all would stop at it: its pins are seen from here, and are not ours to remove.
        Assert.DoesNotContain(elsewhere.Name, found);
    }
}
