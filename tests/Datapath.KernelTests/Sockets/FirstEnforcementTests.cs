using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Complaint C5, the first enforcement that kills live connections, on a host whose own firewall follows connections or does not.</summary>
public sealed class FirstEnforcementTests
{
    private const ushort Served = 80;
    private const ushort Asked = 443;
    private const ushort Denied = 81;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(450);

    // UDP, ICMP, pods and translated addresses are not proved by a socket of the host.
    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_first_agent_cuts_no_connection_of_the_host_that_its_policy_allows(bool isFollowed)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        if (isFollowed)
        {
            lab.OnRouter("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP");
            lab.OnRouter("ip6tables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP");
            lab.OnRouter("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.78.0.0/24", "-o", "up0", "-j", "MASQUERADE");
        }

        var living = new List<LiveFlow>();
        var doomed = new List<LiveFlow>();
        try
        {
            foreach (AddressFamily family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
            {
                living.Add(await LiveFlow.OpenAsync("tcp", lab.EndOf("client"), lab.EndOf("router"), family, Served, Patience));
                living.Add(await LiveFlow.OpenAsync("tcp", lab.EndOf("router"), lab.EndOf("client"), family, Asked, Patience));
                doomed.Add(await LiveFlow.OpenAsync("tcp", lab.EndOf("client"), lab.EndOf("router"), family, Denied, Patience));
            }

            await lab.StartAsync();
            foreach (bool fromOpener in (bool[])[false, true])
            {
                Assert.DoesNotContain(false, await Task.WhenAll(living.Select(flow => flow.IsHeardAsync(fromOpener, Patience))));
                Assert.DoesNotContain(true, await Task.WhenAll(doomed.Select(flow => flow.IsHeardAsync(fromOpener, PatienceForNothing))));
            }
        }
        finally
        {
            living.Concat(doomed).ToList().ForEach(flow => flow.Dispose());
        }
    }
}
