using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Complaints C18 and C23: a verdict that nobody can explain, and an event for every packet.</summary>
public sealed class DiscoveryTests
{
    private const ushort FirstPort = 3000;
    private const ushort MarkPort = 2999;
    private const int FlowsOfAKind = 3;
    private const int Rounds = 5;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly (string From, string To)[] Pairs = [("client", "router"), ("router", "client"), ("client", "web"), ("web", "client"), ("web", "router")];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task In_discovery_mode_each_new_flow_gives_exactly_one_event_of_each_judge()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Units("Allow"));
        lab.Router.SilencePing();
        lab.Client.SilencePing();
        lab.Pod.SilencePing();
        RunningAgent agent = await lab.StartAsync();
        using FlowEvents events = await FlowEvents.OpenAsync(agent, Token);
        var expected = new List<string>();
        var flows = new List<LiveFlow>();
        try
        {
            ushort port = FirstPort;
            foreach ((string from, string to) in Pairs)
            {
                foreach (string protocol in (string[])["tcp", "udp", "ping"])
                {
                    foreach (AddressFamily family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
                    {
                        for (int i = 0; i < FlowsOfAKind; i++, port++)
                        {
                            flows.Add(await LiveFlow.OpenAsync(protocol, lab.EndOf(from), lab.EndOf(to), family, port, Patience));
                            expected.AddRange(Judges(from, to).Select(judge => $"{judge} {protocol} {Key(protocol, port)} {lab.EndOf(from).Of(family)} -> {lab.EndOf(to).Of(family)}"));
                        }
                    }
                }
            }

            await SpeakAsync(flows);
        }
        finally
        {
            flows.ForEach(flow => flow.Dispose());
        }

        using (await LiveFlow.OpenAsync("udp", lab.EndOf("client"), lab.EndOf("router"), AddressFamily.InterNetwork, MarkPort, Patience))
        {
            ImmutableArray<JsonElement> seen = await events.UntilAsync(one => one.GetProperty("destinationPort").GetInt32() == MarkPort, Token);
            // The kernel's own talk (neighbours, multicast listeners) is no flow of ours.
            string[] ours = [.. seen.Where(one => !IsKernelsOwn(one)).Select(Line)];
            Assert.Equal(expected.Order(StringComparer.Ordinal), ours.Order(StringComparer.Ordinal));
        }
    }

    /// <summary>Either end says something a few times: packets of a flow that is known.</summary>
    private static async Task SpeakAsync(List<LiveFlow> flows)
    {
        for (int round = 0; round < Rounds; round++)
        {
            Assert.DoesNotContain(false, await Task.WhenAll(flows.Select(flow => flow.IsHeardAsync(round % 2 == 0, Patience))));
        }
    }

    private static IEnumerable<string> Judges(string from, string to) =>
        from != "client" ? to != "client" ? [$"{from} outgoing", $"{to} incoming"] : [$"{from} outgoing"] : [$"{to} incoming"];

    // Of a ping the identifier is what tells flows apart; it stands where others have the source port.
    private static string Key(string protocol, int port) => protocol == "ping" ? $"id {port}" : $"port {port}";

    private static bool IsKernelsOwn(JsonElement one) =>
        one.GetProperty("icmpType") is { ValueKind: JsonValueKind.Number } type && type.GetInt32() is not (8 or 128 or 0 or 129);

    private static string Line(JsonElement one)
    {
        string protocol = one.GetProperty("protocol").GetInt32() switch
        {
            6 => "tcp",
            17 => "udp",
            _ => "ping",
        };
        int key = one.GetProperty(protocol == "ping" ? "sourcePort" : "destinationPort").GetInt32();
        Assert.Equal("allow", one.GetProperty("verdict").GetString());
        Assert.Equal("default", one.GetProperty("rule").GetProperty("kind").GetString());
        return $"{one.GetProperty("unit").GetString()} {one.GetProperty("direction").GetString()} {protocol} {Key(protocol, key)} "
            + $"{one.GetProperty("source").GetString()} -> {one.GetProperty("destination").GetString()}";
    }
}
