using System.Globalization;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Datapath.Interop.Libbpf;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Ebpf;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>A flood that policy denies, ten times what tc dropped before, and who lives through it.</summary>
public sealed class EarlyDropFloodTests(ITestOutputHelper output)
{
    private const int FullFlood = 10_000_000;
    private const int DefaultFlood = 1_000_000;
    private const int TimesWhatTcDropped = 10;
    private const int MostLost = 20;
    private const int LiveFlows = 20;
    private const ushort FirstPort = 5000;
    private const uint FirstSource = 0x0a600000; // 10.96.0.0
    private const uint Sources = 1 << 16;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // DATAPATH_FLOOD_PACKETS counts what the other flood sends as well: a million stand for ten here.
    private static int Flood =>
        Environment.GetEnvironmentVariable("DATAPATH_FLOOD_PACKETS") is { } packets
            ? TimesWhatTcDropped * int.Parse(packets, CultureInfo.InvariantCulture)
            : DefaultFlood;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task A_flood_at_XDP_leaves_live_flows_and_the_agent_alone()
    {
        int few = Flood / TimesWhatTcDropped;
        double atTc = await DroppedPerSecondAsync(few, "off");
        double atXdp = await DroppedPerSecondAsync(Flood, "require");
        output.WriteLine(
            $"ran {Flood:n0} of {FullFlood:n0} frames (DATAPATH_FLOOD_PACKETS) against XDP after {few:n0} against tc; dropped in a second: {atXdp:n0} at XDP, {atTc:n0} at tc, {atXdp / atTc:f1} times as many"
        );
    }

    /// <summary>Floods a host that has live flows, and requires that all of the flood is dropped and counted, the flows speak and the agent answers.</summary>
    private static async Task<double> DroppedPerSecondAsync(int frames, string xdp)
    {
        string ports = $"tcp/{FirstPort}:{FirstPort + LiveFlows}, udp/{FirstPort}:{FirstPort + LiveFlows}";
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(ports, outgoing: null));
        // A veth device takes frames from a program only where its peer has one.
        using BpfObject passing = TestObject.Load();
        using BpfLink? pass = xdp == "off" ? lab.Router.Run(() => XdpHook.Attach(passing.Program("dp_it_xdp"), lab.IndexOf("up0")!.Value)) : null;
        RunningAgent agent = await lab.StartAsync("--xdp", xdp);
        var live = new List<LiveFlow>();
        try
        {
            for (ushort i = 0; i < LiveFlows; i++)
            {
                live.Add(await LiveFlow.OpenAsync(i % 2 == 0 ? "tcp" : "udp", lab.EndOf("client"), lab.EndOf("router"), AddressFamily.InterNetwork, (ushort)(FirstPort + i), Patience));
            }

            long before = await agent.Api.DropsAsync("policy", Token);
            Task<double> flood = Task.Run(() => Send(lab, frames), Token);
            int rounds = 0;
            do
            {
                await agent.Api.StatusAsync(Token);
                await RequireAllHeardAsync(live.Where((_, i) => i % 2 == 0), $"in round {++rounds} of the flood");
            }
            while (!flood.IsCompleted);
            await RequireAllHeardAsync(live, "after the flood");
            Assert.Equal("applied", (await agent.Api.StatusAsync(Token)).PolicyState());
            long dropped = await agent.Api.DropsAsync("policy", Token) - before;
            // The rest never came to be judged: the queue of the device had no place for it. How much that is depends on who else needs the CPUs.
            Assert.InRange(dropped, frames / MostLost, frames);
            return dropped / (await flood * frames / 1e9);
        }
        finally
        {
            live.ForEach(flow => flow.Dispose());
        }
    }

    private static async Task RequireAllHeardAsync(IEnumerable<LiveFlow> flows, string when)
    {
        foreach (LiveFlow flow in flows)
        {
            Assert.True(await flow.IsHeardAsync(fromOpener: true, Patience) && await flow.IsHeardAsync(fromOpener: false, Patience), $"a flow is cut {when}");
        }
    }

    /// <summary>Sends opening segments of strangers to the router.</summary>
    /// <returns>What one took, in nanoseconds, from being made to being dropped.</returns>
    private static double Send(AgentLab lab, int frames)
    {
        (int device, byte[] to) = (lab.Client.Run(() => InterfaceOf("eth0").Index), lab.Router.Run(() => InterfaceOf("up0").Address));
        using BpfObject sender = BpfObject.Open(TestObject.Bytes("flood.bpf.o"), "dp_flood");
        sender.SetKnob("device", (uint)device);
        sender.SetKnob("first_source", FirstSource);
        sender.SetKnob("sources", Sources);
        sender.Load();
        byte[] frame = Packet.Ethernet(Packet.IPv4("10.96.0.0", lab.EndOf("router").IPv4.ToString(), Packet.Tcp, Packet.TcpHeader(1024, 80, Packet.Syn)));
        to.CopyTo(frame, 0);
        return lab.Client.Run(() => (double)sender.Program("dp_flood").RunLive(frame, frames));
    }

    private static (int Index, byte[] Address) InterfaceOf(string name) =>
        Backends.Host.HostObserver.Read().Interfaces.Single(one => one.Name == name) is var found
            ? (found.Index, PhysicalAddress.Parse(found.HardwareAddress).GetAddressBytes())
            : default;
}
