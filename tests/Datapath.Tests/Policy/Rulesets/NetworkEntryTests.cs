using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

public sealed class NetworkEntryTests
{
    [Theory]
    [InlineData("10.0.0.0/8", NetworkEntryKind.Network, "10.0.0.0/8")]
    [InlineData("10.1.2.3", NetworkEntryKind.Network, "10.1.2.3/32")]
    [InlineData("10.1.2.3/8", NetworkEntryKind.Network, "10.0.0.0/8")]
    [InlineData("::/0", NetworkEntryKind.Network, "::/0")]
    [InlineData("0.0.0.0/0", NetworkEntryKind.Network, "0.0.0.0/0")]
    [InlineData("2001:db8:ffff::1/33", NetworkEntryKind.Network, "2001:db8:8000::/33")]
    [InlineData("fe80::1/128", NetworkEntryKind.Network, "fe80::1/128")]
    [InlineData("google.com", NetworkEntryKind.HostName, "")]
    [InlineData("*.google.com", NetworkEntryKind.HostName, "")]
    [InlineData("_dmarc.x.org", NetworkEntryKind.HostName, "")]
    [InlineData("localhost", NetworkEntryKind.HostName, "")]
    [InlineData("*.com", NetworkEntryKind.HostName, "")]
    [InlineData("example.com.", NetworkEntryKind.HostName, "")]
    [InlineData("example.com_", NetworkEntryKind.HostName, "")]
    public void A_valid_entry_is_a_network_or_a_name(string text, NetworkEntryKind kind, string network)
    {
        NetworkEntry entry = Read.Clean(Read.Entries(text)).ExternalNetworks[0].Entries.Single();
        Assert.Equal(kind, entry.Kind);
        Assert.Equal(text, entry.Text);
        Assert.Equal(network, kind == NetworkEntryKind.HostName ? "" : $"{IpText.ToIPAddress(entry.Network)}/{entry.Network.Length}");
    }

    [Theory]
    [InlineData("10.0.0.0/8", "!10.1.0.0/16")]
    [InlineData("0.0.0.0/0", "!10.0.0.0/8", "!11.0.0.0/8")]
    [InlineData("10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24")]
    [InlineData("!10.1.0.0/16", "10.0.0.0/8")]
    [InlineData("::/0", "!2001:db8::/32", "0.0.0.0/0", "!10.0.0.0/8")]
    public void A_hole_lies_in_a_network_of_the_list(params string[] entries) =>
        Assert.Equal(entries.Length, Read.Clean(Read.Entries(entries)).ExternalNetworks[0].Entries.Length);

    [Theory]
    [InlineData("/32")]
    [InlineData("*")]
    [InlineData("*google.com")]
    [InlineData("google*.com")]
    [InlineData("google.*")]
    [InlineData("a.*.b")]
    [InlineData("fe80::1")]
    [InlineData("!google.com")]
    [InlineData("!!10.0.0.0/8")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/08")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0/8")]
    [InlineData("10.0.0.0/8/8")]
    [InlineData("::/129")]
    [InlineData("fe80::1%eth0/64")]
    [InlineData("[::1]/128")]
    [InlineData("::ffff:10.0.0.0/104")]
    [InlineData("-a.example")]
    [InlineData("a..b")]
    [InlineData("a b")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("!10.1.2.3")]
    public void A_malformed_entry_is_refused(string entry) =>
        Assert.Equal([PolicyDiagnostics.BadEntry.Id], Read.Entries(entry).Diagnostics.Select(static d => d.Code));

    [Fact]
    public void A_label_has_at_most_63_characters()
    {
        Assert.Empty(Read.Entries($"{new string('a', 63)}.example").Diagnostics);
        Assert.Equal(["DP1401"], Read.Entries($"{new string('a', 64)}.example").Diagnostics.Select(static d => d.Code));
        Assert.Empty(Read.Entries($"{new string('a', 63)}_").Diagnostics);
        Assert.Equal(["DP1401"], Read.Entries($"{new string('a', 64)}_").Diagnostics.Select(static d => d.Code));
    }

    [Theory]
    [InlineData("DP1404")]
    [InlineData("DP1404", "!10.0.0.0/8")]
    [InlineData("DP1402", "10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("DP1402", "10.0.0.0/8", "!10.0.0.0/8")]
    [InlineData("DP1402", "10.0.0.1/8", "10.0.0.0/8")]
    [InlineData("DP1402", "10.0.0.1", "!10.0.0.1/32")]
    [InlineData("DP1403", "10.0.0.0/16", "!10.0.0.0/8")]
    [InlineData("DP1403", "10.0.0.0/8", "!::/0")]
    [InlineData("DP1403", "google.com", "!10.0.0.0/8")]
    [InlineData("DP1405", "999.1.1.1")]
    [InlineData("DP1405", "010.0.0.1")]
    [InlineData("DP1407", "google.com", "GOOGLE.com")]
    [InlineData("DP1407", "10.0.0.1", "10.0.0.1/32")]
    public void Entries_of_a_list_fit_together(string code, params string[] entries) =>
        Assert.Equal([code], Read.Entries(entries).Diagnostics.Select(static d => d.Code));

    [Theory]
    [InlineData("", "10.0.0.0/8")]
    [InlineData("", "0.0.0.0/0", "!224.0.0.0/4")]
    [InlineData("", "::/0", "!ff00::/8")]
    [InlineData("DP1406", "0.0.0.0/0")]
    [InlineData("DP1406", "::/0")]
    [InlineData("DP1406", "224.0.0.0/4")]
    [InlineData("DP1406", "239.1.0.0/16")]
    [InlineData("DP1406", "ff02::/16")]
    [InlineData("DP1406", "0.0.0.0/0", "!224.0.0.0/5")]
    [InlineData("DP1406", "0.0.0.0/0", "!224.0.0.0/4", "239.0.0.0/8")]
    public void Managed_udp_networks_leave_multicast_out(string code, params string[] networks) =>
        Assert.Equal(code, string.Join(' ', Read.CodesOf($"{{name: p, targetUDPNetworks: {Read.Json(networks)}}}").Where(one => one != "DP1408")));

    [Theory]
    [InlineData(1, "10.0.0.0/8", "192.168.0.0/16")]
    [InlineData(0)]
    public void Managed_udp_networks_are_said_to_have_no_effect(int times, params string[] networks) =>
        Assert.Equal(times, Read.CodesOf($"{{name: p, targetUDPNetworks: {Read.Json(networks)}}}").Count(one => one == "DP1408"));
}
