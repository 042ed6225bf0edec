using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>
/// Complaint C13, established flows that ignore a new deny: revoking the opener's rule cuts the flow in both directions, revoking the reverse rule
/// cuts nothing. For host and pod, opened by either side, TCP, UDP and ping, IPv4 and IPv6.
/// </summary>
public sealed class RevocationTests(RevocationLab fixture) : IClassFixture<RevocationLab>
{
    private const string Narrow = "tcp/2000:2999, udp/2000:2999, icmp/8, icmp6/128";
    private const string Wide = "tcp/1:65535, udp/1:65535, icmp/8, icmp/0, icmp6/128, icmp6/129";
    private const ushort FirstPort = 2000;

    // Silence is proved by what a prompt network does not bring: TCP sends again after 200 ms.
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(450);
    private static readonly TimeSpan PatienceForAnswer = TimeSpan.FromSeconds(20);

    private static int _port = FirstPort;

    // Ports: whether the rules are for the opener's destination port only, or for every port, so that each side's packets are allowed by their own
    // direction too. What happens besides the change of policy: nothing, the flow tables are emptied, or the agent is killed and started again.
    [KernelTheory]
    [InlineData("in Allow, out Allow -> in Reject", Narrow, "")]
    [InlineData("in Allow, out Allow -> out Reject", Narrow, "")]
    [InlineData("in Allow, out Reject -> in Reject", Narrow, "")]
    [InlineData("in Reject, out Allow -> out Reject", Narrow, "")]
    [InlineData("in Allow, out Allow -> in Reject", Wide, "")]
    [InlineData("in Allow, out Allow -> out Reject", Wide, "")]
    [InlineData("in Allow, out Reject -> in Reject", Wide, "")]
    [InlineData("in Reject, out Allow -> out Reject", Wide, "")]
    [InlineData("in Allow, out Allow -> in Reject", Narrow, "emptied")]
    [InlineData("in Allow, out Allow -> out Reject", Narrow, "emptied")]
    [InlineData("in Allow, out Reject -> in Reject", Narrow, "emptied")]
    [InlineData("in Reject, out Allow -> out Reject", Narrow, "emptied")]
    [InlineData("in Allow, out Allow -> in Reject", Narrow, "restarted")]
    [InlineData("in Allow, out Allow -> out Reject", Narrow, "restarted")]
    [InlineData("in Allow, out Reject -> in Reject", Narrow, "restarted")]
    [InlineData("in Reject, out Allow -> out Reject", Narrow, "restarted")]
    public async Task Revoking_the_openers_rule_cuts_the_flow_and_revoking_the_reverse_rule_cuts_nothing(string change, string ports, string besides)
    {
        Rules before = Rules.Parse(change.Split(" -> ")[0]);
        Rules after = before.Without(change.Split(" -> ")[1]);
        await fixture.ApplyAsync(before.Policy(ports));
        List<RevocableFlow> flows = await OpenAllAsync(before);
        try
        {
            await ChangeAsync(after.Policy(ports), besides);
            RevocableFlow[] asked = [.. flows];
            // The openers first: who may not answer may perhaps open a flow of its own.
            (string[] Expected, string[] Observed) openers = await SpeakAsync(asked, after, isWide: ports == Wide, fromOpener: true);
            Assert.Equal(openers.Expected, openers.Observed);
            (string[] Expected, string[] Observed) responders = await SpeakAsync(asked, after, isWide: ports == Wide, fromOpener: false);
            Assert.Equal(responders.Expected, responders.Observed);
        }
        finally
        {
            flows.ForEach(one => one.Flow.Dispose());
        }
    }

    private async Task ChangeAsync(string policy, string besides)
    {
        if (besides == "restarted")
        {
            await fixture.RestartWithAsync(policy);
            return;
        }

        await fixture.ApplyAsync(policy);
        if (besides == "emptied")
        {
            Assert.NotEqual(0, FlowTables.Empty(fixture.Lab));
        }
    }

    /// <summary>A flow of each kind that the policy allows.</summary>
    private async Task<List<RevocableFlow>> OpenAllAsync(Rules rules)
    {
        var flows = new List<RevocableFlow>();
        foreach (string unit in (string[])["router", "web"])
        {
            foreach (bool outwards in (bool[])[false, true])
            {
                foreach (string protocol in rules.Allows(outwards) ? (string[])["tcp", "udp", "ping"] : [])
                {
                    flows.Add(await OpenAsync(unit, outwards, protocol, AddressFamily.InterNetwork));
                    flows.Add(await OpenAsync(unit, outwards, protocol, AddressFamily.InterNetworkV6));
                }
            }
        }

        return flows;
    }

    private async Task<RevocableFlow> OpenAsync(string unit, bool outwards, string protocol, AddressFamily family)
    {
        (LabEnd from, LabEnd to) = (fixture.Lab.EndOf(outwards ? unit : "client"), fixture.Lab.EndOf(outwards ? "client" : unit));
        ushort port = (ushort)Interlocked.Increment(ref _port);
        return new RevocableFlow(unit, outwards, protocol, family, await LiveFlow.OpenAsync(protocol, from, to, family, port, PatienceForAnswer));
    }

    /// <summary>One end of each flow speaks, all at once.</summary>
    private static async Task<(string[] Expected, string[] Observed)> SpeakAsync(RevocableFlow[] flows, Rules rules, bool isWide, bool fromOpener)
    {
        bool[] expected = [.. flows.Select(one => one.MayBeHeard(rules, isWide, fromOpener))];
        bool[] heard = await Task.WhenAll(
            flows.Zip(expected, (one, isAllowed) => one.Flow.IsHeardAsync(fromOpener, isAllowed ? PatienceForAnswer : PatienceForNothing))
        );
        string[] Lines(bool[] outcome) => [.. flows.Zip(outcome, (one, isHeard) => one.Line(fromOpener, isHeard))];
        return (Lines(expected), Lines(heard));
    }

    /// <summary>Whether a unit has a rule that allows each direction.</summary>
    private sealed record Rules(bool Incoming, bool Outgoing)
    {
        public static Rules Parse(string text) =>
            new(text.Contains("in Allow", StringComparison.Ordinal), text.Contains("out Allow", StringComparison.Ordinal));

        public Rules Without(string revoked) => revoked == "in Reject" ? this with { Incoming = false } : this with { Outgoing = false };

        public bool Allows(bool outwards) => outwards ? Outgoing : Incoming;

        public string Policy(string ports) => AgentPolicies.Between(Incoming ? ports : null, Outgoing ? ports : null);
    }

    /// <summary>A flow, and who opened it.</summary>
    private sealed record RevocableFlow(string Unit, bool OpenedOutwards, string Protocol, AddressFamily Family, LiveFlow Flow)
    {
        public bool MayBeHeard(Rules rules, bool isWide, bool fromOpener) =>
            fromOpener
                ? rules.Allows(OpenedOutwards)
                : rules.Allows(OpenedOutwards) || (isWide && rules.Allows(!OpenedOutwards));

        public string Line(bool fromOpener, bool isHeard) =>
            $"{Protocol} {Family} opened by {(OpenedOutwards ? Unit : "client")} to {(OpenedOutwards ? "client" : Unit)}, "
            + $"{(fromOpener ? "opener" : "responder")} speaks: {(isHeard ? "heard" : "nothing")}";
    }
}
