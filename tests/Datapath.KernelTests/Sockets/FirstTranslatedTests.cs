using System.Net;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Complaint C5 where NAT is: connections through a published port, a redirected port and masquerade, opened before the first policy.</summary>
public sealed class FirstTranslatedTests
{
    private const ushort Published = 8080;
    private const ushort Served = 80;
    private const ushort Redirected = 3080;
    private const ushort Kept = 3128;
    private const ushort Identifier = 77;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(450);

    // A pod's answers are the pod's: what its own rules allow goes out, whatever the host says to those who call. The host is asked for the published port and the pod for its own; a redirected port is the one that the caller called.
    [KernelTheory]
    [InlineData("{0}/8080, {0}/80", null, "published")]
    [InlineData("{0}/3080", null, "redirected")]
    [InlineData(null, "{0}/80, icmp/8", "masqueraded")]
    [InlineData("{0}/8080", null, "")]
    [InlineData("{0}/80", null, "published responder")]
    [InlineData("{0}/3128", null, "")]
    [InlineData(null, "{0}/81, icmp/13", "")]
    [InlineData("{0}/8080, {0}/80, {0}/3080", "{0}/80, icmp/8", "published, redirected, masqueraded")]
    public async Task The_first_policy_cuts_no_translated_connection_that_it_allows_and_the_others(string? incoming, string? outgoing, string living)
    {
        string? Ports(string? ports) =>
            ports is null ? null : string.Join(", ", ports.Split(", ").SelectMany(one => (string[])[one.Replace("{0}", "tcp", StringComparison.Ordinal), one.Replace("{0}", "udp", StringComparison.Ordinal)]).Distinct());
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(Ports(incoming), Ports(outgoing)));
        lab.Client.SilencePing();
        Translate(lab);
        (string Kind, LiveFlow Flow)[] flows = await OpenAllAsync(lab);
        try
        {
            await lab.StartAsync();
            foreach (bool fromOpener in (bool[])[false, true])
            {
                string who = fromOpener ? "opener" : "responder";
                bool[] expected = [.. flows.Select(one => living.Split(", ").Any(lives => lives == one.Kind || lives == $"{one.Kind} {who}"))];
                bool[] heard = await Task.WhenAll(flows.Zip(expected, (one, lives) => one.Flow.IsHeardAsync(fromOpener, lives ? Patience : PatienceForNothing)));
                string Line((string Kind, LiveFlow Flow) one, bool isHeard) => $"{one.Kind} {one.Flow.Opener.ProtocolType}, {who}: {(isHeard ? "heard" : "nothing")}";
                Assert.Equal(flows.Zip(expected, Line), flows.Zip(heard, Line));
            }
        }
        finally
        {
            flows.ToList().ForEach(one => one.Flow.Dispose());
        }
    }

    private static async Task<(string Kind, LiveFlow Flow)[]> OpenAllAsync(AgentLab lab)
    {
        (LabEnd client, LabEnd router, LabEnd web) = (lab.EndOf("client"), lab.EndOf("router"), lab.EndOf("web"));
        var flows = new List<(string, LiveFlow)>();
        foreach (string protocol in (string[])["tcp", "udp"])
        {
            flows.Add(("published", await LiveFlow.OpenTranslatedAsync(protocol, client, new IPEndPoint(router.IPv4, Published), web, Served, null, Patience)));
            flows.Add(("redirected", await LiveFlow.OpenTranslatedAsync(protocol, client, new IPEndPoint(router.IPv4, Redirected), router, Kept, null, Patience)));
            flows.Add(("masqueraded", await LiveFlow.OpenTranslatedAsync(protocol, web, new IPEndPoint(client.IPv4, Served), client, Served, null, Patience)));
        }

        flows.Add(("masqueraded", await LiveFlow.OpenTranslatedAsync("ping", web, new IPEndPoint(client.IPv4, 0), client, Identifier, router.IPv4, Patience)));
        return [.. flows];
    }

    private static void Translate(AgentLab lab)
    {
        IPAddress pod = lab.EndOf("web").IPv4;
        foreach (string protocol in (string[])["tcp", "udp"])
        {
            lab.OnRouter("iptables", "-t", "nat", "-A", "PREROUTING", "-i", "up0", "-p", protocol, "--dport", $"{Published}", "-j", "DNAT", "--to-destination", $"{pod}:{Served}");
            lab.OnRouter("iptables", "-t", "nat", "-A", "PREROUTING", "-i", "up0", "-p", protocol, "--dport", $"{Redirected}", "-j", "REDIRECT", "--to-ports", $"{Kept}");
        }

        lab.OnRouter("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", $"{pod}/32", "-o", "up0", "-j", "MASQUERADE");
    }
}
