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

    [KernelFact]
    public void What_is_routed_to_the_host_is_the_hosts()
    {
        using var lab = new VethLab();
        Ip(lab, "link set lo up");
        Ip(lab, "address add 10.1.0.1/24 brd 10.1.0.99 dev dpi0");
        Ip(lab, "route add local 10.9.0.0/16 dev lo");
        Ip(lab, "-6 route add local 2001:db8:9::/48 dev lo");
        Ip(lab, "route add 10.10.0.0/16 dev dpi0");
        Ip(lab, "route add local 10.11.0.0/16 dev lo table 100");
        Ip(lab, "route add local 0.0.0.0/0 dev lo table 101");
        Ip(lab, "rule add to 10.11.0.0/16 lookup 100");
        Ip(lab, "rule add fwmark 1 lookup 101");
        string[] networks = [.. lab.Run(HostObserver.Read).LocalNetworks.Select(network => network.ToString())];
        Assert.Superset(
            new HashSet<string> { "10.1.0.1/32", "10.1.0.99/32", "10.1.0.255/32", "10.9.0.0/16", "2001:db8:9::/48", "10.11.0.0/16" },
            networks.ToHashSet()
        );
        Assert.DoesNotContain("10.10.0.0/16", networks);
        Assert.DoesNotContain("0.0.0.0/0", networks);
    }

    [KernelFact]
    public void The_routers_of_an_ipv6_network_have_an_address_in_common()
    {
        using var lab = new VethLab();
        lab.Run(() => File.WriteAllText("/proc/sys/net/ipv6/conf/all/forwarding", "1"));
        Ip(lab, "address add 2001:db8:5::1/64 dev dpi0 nodad");
        // The kernel joins it in the background.
        bool isSeen = SpinWait.SpinUntil(() => lab.Run(HostObserver.Read).LocalNetworks.Contains(IPNetwork.Parse("2001:db8:5::/128")), TimeSpan.FromSeconds(20));
        Assert.True(isSeen, string.Join(' ', lab.Run(HostObserver.Read).LocalNetworks));
    }

    [KernelTheory]
    [InlineData("net/ipv4/conf/dpi0/forwarding", true, false, false, false)]
    [InlineData("net/ipv4/conf/all/forwarding", true, false, true, false)]
    [InlineData("net/ipv6/conf/dpi0/forwarding", false, false, false, false)]
    [InlineData("net/ipv6/conf/all/forwarding", false, true, false, true)]
    [InlineData("net/ipv6/conf/dpi0/force_forwarding", false, true, false, false)]
    public void Forwarding_is_read_as_the_kernel_decides_it(string setting, bool first4, bool first6, bool second4, bool second6)
    {
        using var lab = new VethLab();
        string path = $"/proc/sys/{setting}";
        Assert.SkipUnless(lab.Run(() => File.Exists(path)), $"this kernel has no {setting}");
        lab.Run(() => File.WriteAllText(path, "1"));
        HostSnapshot host = lab.Run(HostObserver.Read);
        Assert.Equal((first4, first6), Forwards("dpi0"));
        Assert.Equal((second4, second6), Forwards("dpi1"));

        (bool, bool) Forwards(string name) => host.Interfaces.Where(one => one.Name == name).Select(one => (one.ForwardsIPv4, one.ForwardsIPv6)).Single();
    }

    [KernelTheory]
    [InlineData("route add local 10.9.0.0/16 dev lo")]
    [InlineData("-6 route add local 2001:db8:9::/48 dev lo")]
    [InlineData("rule add to 10.11.0.0/16 lookup 100")]
    [InlineData("address add 10.1.0.1/24 dev dpi0")]
    [InlineData("link set dpi1 down")]
    [InlineData("net/ipv4/conf/dpi0/forwarding")]
    [InlineData("net/ipv6/conf/all/forwarding")]
    [InlineData("net/ipv6/conf/dpi0/force_forwarding")]
    public void A_watch_hears_of(string change)
    {
        using var lab = new VethLab();
        Ip(lab, "link set lo up");
        using var heard = new ManualResetEventSlim();
        string? trouble = null;
        using IDisposable watch = lab.Run(() => HostObserver.Watch(heard.Set, reason => trouble = reason));
        // The lab's own making may still be told.
        while (heard.Wait(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken))
        {
            heard.Reset();
        }

        if (change.StartsWith("net/", StringComparison.Ordinal))
        {
            Assert.SkipUnless(lab.Run(() => File.Exists($"/proc/sys/{change}")), $"this kernel has no {change}");
            lab.Run(() => File.WriteAllText($"/proc/sys/{change}", "1"));
        }
        else
        {
            Ip(lab, change);
        }

        Assert.True(heard.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.Null(trouble);
    }

    [KernelFact]
    public void A_watch_does_not_hear_of_routes_to_others()
    {
        using var lab = new VethLab();
        Ip(lab, "link set lo up");
        Ip(lab, "address add 10.1.0.1/24 dev dpi0");
        using var heard = new ManualResetEventSlim();
        using IDisposable watch = lab.Run(() => HostObserver.Watch(heard.Set, _ => { }));
        while (heard.Wait(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken))
        {
            heard.Reset();
        }

        Ip(lab, "route add 10.10.0.0/16 via 10.1.0.7 dev dpi0");
        Assert.False(heard.Wait(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken));
        Ip(lab, "route add local 10.9.0.0/16 dev lo");
        Assert.True(heard.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    private static void Ip(VethLab lab, string arguments) => CommandRunner.Run("ip", ["-n", lab.Name, .. arguments.Split(' ')]);
}
