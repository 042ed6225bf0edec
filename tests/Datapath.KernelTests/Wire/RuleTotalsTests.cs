using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.KernelTests.Oracle;
using Datapath.KernelTests.Support;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Wire;

/// <summary>What rules have counted outlives their chains and the agent.</summary>
public sealed class RuleTotalsTests
{
    private const int Zone = 1;
    private const int Packets = 3;
    private const int SynBytes = 40;

    [KernelFact]
    public void A_successor_goes_on_counting_where_the_agent_before_ended()
    {
        SequenceCase one = Scenarios.Read("revoked-both-ways");
        var compiled = new CompiledCase(one.Versions);
        var syn = (PacketStep)one.Steps[0];
        using var host = new WireHost();
        host.Begin(compiled);
        host.Network.OnHost(() =>
        {
            WireDriver.StayOnThisProcessor();
            host.Enforce(compiled, 0);
            Send(host, syn);
            ImmutableDictionary<int, PacketCount> counted = host.Totals();
            // The kernel says a few words of its own (multicast listener reports), which are counted, too.
            (int rule, PacketCount count) = Assert.Single(counted, one => one.Value == new PacketCount(Packets, Packets * SynBytes));

            // The chains go with the policy, the memory with the agent.
            host.Enforce(compiled, 1);
            host.Restart();
            Assert.Equal(count, host.Totals()[rule]);
            Send(host, syn);
            host.Enforce(compiled, 0);
            Assert.Equal(2 * Packets, host.Totals()[rule].Packets);

            host.Zero(rule);
            Assert.DoesNotContain(rule, host.Totals());
            return true;
        });
    }

    private static void Send(WireHost host, PacketStep step)
    {
        WireShot[] shots = [.. Enumerable.Range(0, Packets).Select(i => new WireShot(step, Zone, (ushort)(WireShot.FirstName + i)))];
        var bytes = new WireBytes();
        Assert.Equal(Packets, host.Driver.Cross(shots, shot => bytes.Of(step.Packet, shot.Name)).Count);
    }
}
