using System.Net;
using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>Complaints C11 and C12, tables that evict or collect what lives: ten thousand connections at once, all alive in the end.</summary>
public sealed class ManyConnectionsTests(ITestOutputHelper output)
{
    private const int Connections = 10_000;
    private const int Backlog = 16_384;
    private const ushort Port = 80;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task Ten_thousand_connections_live_through_another_policy_and_another_agent()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Allowing($"tcp/{Port}"));
        lab.Pod.Set("core/somaxconn", $"{Backlog}");
        lab.Pod.Set("ipv4/tcp_max_syn_backlog", $"{Backlog}");
        RunningAgent agent = await lab.StartAsync();
        LabEnd server = lab.EndOf("web");
        using Socket listener = LiveFlow.Bound(server, AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, Port);
        listener.Listen(Backlog);
        // One process may have twenty thousand files: the server's ends wait in its backlog, which is all the same to the network.
        var clients = new Dictionary<int, Socket>();
        try
        {
            IPEndPoint place = new(server.IPv4, Port);
            lab.Client.Run(() =>
            {
                for (int i = 0; i < Connections; i++)
                {
                    var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { SendTimeout = 20_000, ReceiveTimeout = 20_000 };
                    client.Connect(place);
                    clients.Add(((IPEndPoint)client.LocalEndPoint!).Port, client);
                }

                return true;
            });
            output.WriteLine($"{clients.Count} connections, {FlowTables.Count(lab)} flows remembered");
            await lab.ApplyAsync(agent, AgentPolicies.Allowing($"tcp/{Port}, tcp/81"));
            await lab.RestartAsync(agent);
            Assert.Equal(Connections, await Task.Run(() => CountAlive(listener, clients), Token));
        }
        finally
        {
            foreach (Socket client in clients.Values)
            {
                client.Dispose();
            }
        }
    }

    /// <summary>Each server end speaks first: a packet that only the remembered flow lets pass. Then the client's end answers.</summary>
    private static int CountAlive(Socket listener, Dictionary<int, Socket> clients)
    {
        int alive = 0;
        var word = new byte[1];
        for (int i = 0; i < Connections; i++)
        {
            Assert.True(listener.Poll(TimeSpan.FromSeconds(20), SelectMode.SelectRead), $"connection {i} waits for nobody");
            using Socket server = listener.Accept();
            server.ReceiveTimeout = 20_000;
            Socket client = clients[((IPEndPoint)server.RemoteEndPoint!).Port];
            server.Send([(byte)i]);
            Assert.Equal(1, client.Receive(word));
            Assert.Equal((byte)i, word[0]);
            client.Send([(byte)(i + 1)]);
            Assert.Equal(1, server.Receive(word));
            Assert.Equal((byte)(i + 1), word[0]);
            alive++;
        }

        return alive;
    }
}
