using System.Net;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

public sealed class IpPrefixTests
{
    [Theory]
    [InlineData("10.1.2.3", 8, "10.0.0.0", "10.255.255.255")]
    [InlineData("10.1.2.3", 0, "0.0.0.0", "255.255.255.255")]
    [InlineData("10.1.2.3", 32, "10.1.2.3", "10.1.2.3")]
    [InlineData("fd00::1", 0, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("fd00::1", 64, "fd00::", "fd00::ffff:ffff:ffff:ffff")]
    [InlineData("fd00::1", 128, "fd00::1", "fd00::1")]
    public void A_network_reaches_from_its_first_to_its_last_address(string address, int length, string first, string last)
    {
        var network = IpPrefix.Around(AddressKey.From(IPAddress.Parse(address)), length);
        Assert.Equal(first, new AddressKey(network.IsIPv6, network.Address).ToString());
        Assert.Equal(last, new AddressKey(network.IsIPv6, network.Last).ToString());
    }
}
