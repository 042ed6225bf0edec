using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Complaint C14: fragments, of which only the first has ports, that are dropped where they are allowed or pass where they are not.</summary>
public sealed class FragmentTests
{
    private const int DatagramBytes = 4000;
    private const ushort Allowed = 5000;
    private const ushort Denied = 6000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(450);
    private static readonly (string From, string To)[] Pairs = [("client", "router"), ("router", "client"), ("client", "web"), ("web", "client")];

    [KernelTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Datagrams_beyond_the_mtu_pass_by_the_port_of_their_first_fragment_and_no_other_fragment_does(AddressFamily family)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between($"udp/{Allowed}", $"udp/{Allowed}"));
        await lab.StartAsync();
        foreach ((string from, string to) in Pairs)
        {
            (LabEnd opener, LabEnd responder) = (lab.EndOf(from), lab.EndOf(to));
            using LiveFlow allowed = LiveFlow.PrepareUdp(opener, responder, family, Allowed);
            Assert.True(await allowed.IsHeardAsync(fromOpener: true, Patience, DatagramBytes), $"{from} -> {to}");
            Assert.True(await allowed.IsHeardAsync(fromOpener: false, Patience, DatagramBytes), $"{to} answers {from}");
            using LiveFlow denied = LiveFlow.PrepareUdp(opener, responder, family, Denied);
            long before = FragmentsAt(responder.Host, family);
            Assert.False(await denied.IsHeardAsync(fromOpener: true, PatienceForNothing, DatagramBytes), $"{from} -> {to} port {Denied}");
            Assert.Equal(before, FragmentsAt(responder.Host, family));
        }

        // Otherwise the datagrams were no fragments, and nothing was shown.
        Assert.True(FragmentsAt(lab.Client, family) > 0 && FragmentsAt(lab.Pod, family) > 0 && FragmentsAt(lab.Router, family) > 0);
    }

    /// <summary>How many fragments a host's IP layer was given to put together.</summary>
    private static long FragmentsAt(LabHost host, AddressFamily family) =>
        host.Run(() =>
        {
            if (family == AddressFamily.InterNetworkV6)
            {
                return long.Parse(File.ReadLines("/proc/thread-self/net/snmp6").Single(line => line.StartsWith("Ip6ReasmReqds", StringComparison.Ordinal)).Split()[^1]);
            }

            string[][] ip = [.. File.ReadLines("/proc/thread-self/net/snmp").Where(line => line.StartsWith("Ip:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
            return long.Parse(ip[1][Array.IndexOf(ip[0], "ReasmReqds")]);
        });
}
