using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

public sealed class IpPrefixTests
{
    [Theory]
    [InlineData("0.0.0.0/0", "255.255.255.255")]
    [InlineData("10.0.0.0/8", "10.255.255.255")]
    [InlineData("10.1.2.3/32", "10.1.2.3")]
    [InlineData("10.1.2.2/31", "10.1.2.3")]
    [InlineData("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("8000::/1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("2001:db8::1/128", "2001:db8::1")]
    public void The_last_address_has_every_host_bit_set(string text, string last)
    {
        Assert.True(IpText.TryParseNetwork(text, out IpPrefix network));
        Assert.True(IpText.TryParseAddress(last, out IpPrefix expected));
        Assert.Equal(expected.Address, network.Last);
        Assert.True(network.Contains(network.Address) && network.Contains(network.Last));
    }

    [Theory]
    [InlineData("10.1.2.3/8", "10.0.0.0/8")]
    [InlineData("255.255.255.255/0", "0.0.0.0/0")]
    [InlineData("ffff::1/0", "::/0")]
    [InlineData("2001:db8::ffff/112", "2001:db8::/112")]
    [InlineData("2001:db8::ffff/128", "2001:db8::ffff/128")]
    public void Host_bits_are_masked_away(string written, string masked)
    {
        Assert.True(IpText.TryParseNetwork(written, out IpPrefix network));
        Assert.Equal(masked, $"{IpText.ToIPAddress(network)}/{network.Length}");
    }
}
