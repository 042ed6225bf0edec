using System.Globalization;
using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>
/// Complaint C5, the first enforcement that kills live connections, on a host whose own firewall follows connections or does not. Who opened
/// them counts, not who happens to speak first.
/// </summary>
public sealed class FirstEnforcementTests
{
    private const string Narrow = "tcp/2000:2999, udp/2000:2999, icmp/8, icmp6/128";
    private const string Wide = "tcp/1:65535, udp/1:65535, icmp/8, icmp/0, icmp6/128, icmp6/129";
    private const ushort FirstPort = 2000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(450);
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    // Tracked: from the beginning, not at all, or only after the connections were opened, so that tracking has their openers the wrong way round.
    // Ports: whether rules are for the opener's destination only, or for every port, so that each side's packets are allowed by their own direction.
    [KernelTheory]
    [InlineData("in Allow, out Reject", "not tracked", Narrow)]
    [InlineData("in Reject, out Allow", "not tracked", Narrow)]
    [InlineData("in Allow, out Allow", "not tracked", Narrow)]
    [InlineData("in Allow, out Reject", "tracked", Narrow)]
    [InlineData("in Reject, out Allow", "tracked", Narrow)]
    [InlineData("in Allow, out Allow", "tracked", Narrow)]
    [InlineData("in Allow, out Reject", "tracked", Wide)]
    [InlineData("in Reject, out Allow", "tracked", Wide)]
    [InlineData("in Allow, out Reject", "tracked late", Wide)]
    [InlineData("in Reject, out Allow", "tracked late", Wide)]
    public async Task The_first_policy_cuts_what_its_openers_may_not_do_and_nothing_else(string rules, string tracking, string ports)
    {
        bool mayBeCalled = rules.Contains("in Allow", StringComparison.Ordinal);
        bool mayCall = rules.Contains("out Allow", StringComparison.Ordinal);
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(mayBeCalled ? ports : null, mayCall ? ports : null));
        lab.Router.SilencePing();
        lab.Client.SilencePing();
        lab.Pod.SilencePing();
        if (tracking == "tracked")
        {
            Track(lab);
        }

        // Nobody can know who asked first of what was tracked too late and has no connection.
        List<OldFlow> flows = await OpenAllAsync(lab, tracking == "tracked late" ? ["tcp"] : ["tcp", "udp", "ping"]);
        try
        {
            if (tracking == "tracked late")
            {
                Track(lab);
                Assert.DoesNotContain(false, await Task.WhenAll(flows.Select(one => one.Flow.IsHeardAsync(fromOpener: false, Patience))));
            }

            await lab.StartAsync();
            // The answers first: they are what needs a flow. An untracked ping is known again by its next request.
            foreach (bool fromOpener in (bool[])[false, true])
            {
                OldFlow[] asked = [.. flows.Where(one => fromOpener || one.Protocol != "ping" || tracking == "tracked")];
                bool[] expected = [.. asked.Select(one => one.MayBeHeard(mayBeCalled, mayCall, ports == Wide, fromOpener))];
                bool[] heard = await Task.WhenAll(asked.Zip(expected, (one, isAllowed) => one.Flow.IsHeardAsync(fromOpener, isAllowed ? Patience : PatienceForNothing)));
                Assert.Equal(asked.Zip(expected, (one, isHeard) => one.Line(fromOpener, isHeard)), asked.Zip(heard, (one, isHeard) => one.Line(fromOpener, isHeard)));
            }
        }
        finally
        {
            flows.ForEach(one => one.Flow.Dispose());
        }
    }

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_datagram_flow_that_nobody_remembers_any_more_is_answered(bool isTracked)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between("udp/53", outgoing: null));
        if (isTracked)
        {
            Track(lab);
        }

        var flows = new List<LiveFlow>();
        try
        {
            foreach (string unit in (string[])["router", "web"])
            {
                flows.Add(await LiveFlow.OpenAsync("udp", lab.EndOf("client"), lab.EndOf(unit), AddressFamily.InterNetwork, 53, Patience));
                flows.Add(await LiveFlow.OpenAsync("udp", lab.EndOf("client"), lab.EndOf(unit), AddressFamily.InterNetworkV6, 53, Patience));
            }

            // As after more than two minutes of silence.
            if (isTracked)
            {
                lab.OnRouter("conntrack", "--flush");
            }

            await lab.StartAsync();
            Assert.DoesNotContain(false, await Task.WhenAll(flows.Select(flow => flow.IsHeardAsync(fromOpener: false, Patience))));
            Assert.NotEqual(0, FlowTables.Count(lab));
            Assert.DoesNotContain(false, await Task.WhenAll(flows.Select(flow => flow.IsHeardAsync(fromOpener: true, Patience))));
        }
        finally
        {
            flows.ForEach(flow => flow.Dispose());
        }
    }

    /// <summary>A rule of the host's own that makes its kernel follow connections.</summary>
    private static void Track(AgentLab lab)
    {
        lab.OnRouter("iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP");
        lab.OnRouter("ip6tables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP");
    }

    private static async Task<List<OldFlow>> OpenAllAsync(AgentLab lab, string[] protocols)
    {
        var flows = new List<OldFlow>();
        ushort port = FirstPort;
        foreach (string unit in (string[])["router", "web"])
        {
            foreach (bool outwards in (bool[])[false, true])
            {
                foreach ((string protocol, AddressFamily family) in protocols.SelectMany(one => Families.Select(family => (one, family))))
                {
                    (LabEnd from, LabEnd to) = outwards ? (lab.EndOf(unit), lab.EndOf("client")) : (lab.EndOf("client"), lab.EndOf(unit));
                    flows.Add(new OldFlow(unit, outwards, protocol, await LiveFlow.OpenAsync(protocol, from, to, family, port++, Patience)));
                }
            }
        }

        return flows;
    }

    /// <summary>A flow that is older than the agent, and who opened it.</summary>
    private sealed record OldFlow(string Unit, bool OpenedOutwards, string Protocol, LiveFlow Flow)
    {
        public bool MayBeHeard(bool mayBeCalled, bool mayCall, bool isWide, bool fromOpener)
        {
            bool isAllowed = OpenedOutwards ? mayCall : mayBeCalled;
            return isAllowed || (!fromOpener && isWide && (OpenedOutwards ? mayBeCalled : mayCall));
        }

        public string Line(bool fromOpener, bool isHeard) =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Protocol} {Flow.Opener.LocalEndPoint} opened {(OpenedOutwards ? "by" : "to")} {Unit}, {(fromOpener ? "opener" : "responder")} speaks: {(isHeard ? "heard" : "nothing")}"
            );
    }
}
