using System.Net;
using Datapath.Backends.Host;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Host;

public sealed class HostObserverTests
{
    [KernelTheory]
    [InlineData("lo", "host")]
    [InlineData("lo", "global")]
    [InlineData("dpi0", "host")]
    [InlineData("dpi0", "link")]
    public void An_address_is_the_hosts_whatever_its_scope(string interfaceName, string scope)
    {
        using var lab = new VethLab();
        CommandRunner.Run("ip", "-n", lab.Name, "link", "set", "lo", "up");
        CommandRunner.Run("ip", "-n", lab.Name, "address", "add", "192.0.2.9/32", "dev", interfaceName, "scope", scope);
        HostSnapshot host = lab.Run(HostObserver.Read);
        Assert.Contains(IPAddress.Parse("192.0.2.9"), host.Addresses);
        Assert.DoesNotContain(host.Addresses, IPAddress.IsLoopback);
    }
}
