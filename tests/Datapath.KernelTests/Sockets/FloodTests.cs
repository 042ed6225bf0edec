using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Complaint C11, a flood of new flows that evicts live ones.</summary>
public sealed class FloodTests(ITestOutputHelper output)
{
    private const int FullFlood = 1_000_000;
    private const int DefaultFlood = 100_000;
    private const int LiveFlows = 100;
    private const ushort Port = 80;
    private const ushort FirstPort = 5000;

    // The flood must have made entries, or nothing was shown: as many as the smallest table that a flood may fill.
    private const int LeastRemembered = 10_000;
    private const uint FirstSource = 0x0a600000; // 10.96.0.0

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static int Flood =>
        int.Parse(Environment.GetEnvironmentVariable("DATAPATH_FLOOD_PACKETS") ?? $"{DefaultFlood}", CultureInfo.InvariantCulture);

    [KernelFact]
    public async Task A_flood_of_spoofed_syns_cuts_none_of_a_hundred_live_flows()
    {
        string ports = $"tcp/{Port}, tcp/{FirstPort}:{FirstPort + LiveFlows}, udp/{FirstPort}:{FirstPort + LiveFlows}";
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between(ports, outgoing: null, "10.77.0.2/32, \"2001:db8:77::2/128\", 10.96.0.0/12"));
        // Nobody lives there: the answers of the flooded end nowhere.
        await lab.Router.IpAsync("route", "add", "blackhole", "10.96.0.0/12");
        await lab.StartAsync();
        var live = new List<LiveFlow>();
        try
        {
            for (ushort i = 0; i < LiveFlows; i++)
            {
                LabEnd server = lab.EndOf(i % 4 < 2 ? "web" : "router");
                live.Add(await LiveFlow.OpenAsync(i % 2 == 0 ? "tcp" : "udp", lab.EndOf("client"), server, AddressFamily.InterNetwork, (ushort)(FirstPort + i), Patience));
            }

            await Task.Run(() => Send(lab, Flood), TestContext.Current.CancellationToken);
            int remembered = FlowTables.Count(lab);
            output.WriteLine($"ran {Flood:n0} of {FullFlood:n0} spoofed SYNs (DATAPATH_FLOOD_PACKETS); {remembered:n0} flows remembered");
            Assert.True(remembered > Math.Min(Flood / 2, LeastRemembered), $"only {remembered} flows");
            // The servers first: what they say passes only as part of a flow that is remembered.
            Assert.Equal(LiveFlows, (await Task.WhenAll(live.Select(flow => flow.IsHeardAsync(fromOpener: false, Patience)))).Count(isHeard => isHeard));
            Assert.Equal(LiveFlows, (await Task.WhenAll(live.Select(flow => flow.IsHeardAsync(fromOpener: true, Patience)))).Count(isHeard => isHeard));
        }
        finally
        {
            live.ForEach(flow => flow.Dispose());
        }
    }

    /// <summary>Opening segments to host and pod in turn, each of another source that the policy allows.</summary>
    private static void Send(AgentLab lab, int packets)
    {
        using Socket raw = lab.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw));
        EndPoint[] places = [new IPEndPoint(lab.EndOf("router").IPv4, 0), new IPEndPoint(lab.EndOf("web").IPv4, 0)];
        byte[][] segments = [.. places.Select(place => Ebpf.Packet.IPv4("10.96.0.0", ((IPEndPoint)place).Address.ToString(), Ebpf.Packet.Tcp, Ebpf.Packet.TcpHeader(1024, Port, Ebpf.Packet.Syn)))];
        for (uint i = 0; i < packets; i++)
        {
            byte[] segment = segments[i % 2];
            BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(12), FirstSource + (i % 0x80000));
            BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(20), (ushort)(1024 + (i >> 19)));
            raw.SendTo(segment, places[i % 2]);
        }
    }
}
