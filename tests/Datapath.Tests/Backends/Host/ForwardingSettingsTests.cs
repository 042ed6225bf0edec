using System.Net.Sockets;
using Datapath.Backends.Host;
using Datapath.Interop.Netlink;
using Xunit;

namespace Datapath.Tests.Backends.Host;

public sealed class ForwardingSettingsTests
{
    private const int Eth0 = 2;
    private const int Eth1 = 3;

    private static readonly HashSet<int> None = [];

    [Fact]
    public void IPv4_asks_the_interface_and_not_all()
    {
        var settings = new ForwardingSettings([Of(AddressFamily.InterNetwork, InterfaceForwarding.All), Of(AddressFamily.InterNetwork, Eth0)], None);
        Assert.Equal((true, false), (settings.IsOnForIPv4(Eth0), settings.IsOnForIPv4(Eth1)));
        Assert.False(settings.IsOnForIPv6(Eth0));
    }

    [Fact]
    public void IPv6_asks_all_and_not_the_interface()
    {
        Assert.False(new ForwardingSettings([Of(AddressFamily.InterNetworkV6, Eth0)], None).IsOnForIPv6(Eth0));
        var settings = new ForwardingSettings([Of(AddressFamily.InterNetworkV6, InterfaceForwarding.All)], None);
        Assert.Equal((true, false), (settings.IsOnForIPv6(Eth1), settings.IsOnForIPv4(Eth1)));
    }

    [Fact]
    public void IPv6_may_be_forced_at_one_interface()
    {
        var settings = new ForwardingSettings([], new HashSet<int> { Eth0 });
        Assert.Equal((true, false), (settings.IsOnForIPv6(Eth0), settings.IsOnForIPv6(Eth1)));
    }

    private static InterfaceForwarding Of(AddressFamily family, int index) => new(family, index, IsOn: true);
}
