using System.Net;
using System.Net.Sockets;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>A connection whose opener may not speak any more: nothing of it reaches the unit, whatever its own side may send.</summary>
public sealed class IptablesRevocationTests
{
    private const ushort Port = 80;

    // The retransmission of a segment comes after 200 ms and then later and later: several fall into this time.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("client", false)]
    [InlineData("server", false)]
    [InlineData("client", true)]
    [InlineData("server", true)]
    public async Task No_payload_reaches_a_unit_whose_incoming_rule_is_revoked_while_it_may_send_anything(string firstSpeaker, bool forgetsConnection)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(MaySendAnything("tcp/80"), enableEbpf: false);
        RunningAgent agent = await lab.StartAsync();
        uint before = (await agent.Api.StatusAsync(Token)).Generation();
        (Socket client, Socket server) = await ConnectAsync(lab);
        using (client)
        using (server)
        {
            Assert.True(await ArrivesAsync(client, server, Patience));
            Assert.True(await ArrivesAsync(server, client, Patience));

            lab.WritePolicy(MaySendAnything("tcp/81"));
            await agent.StatusUntilAsync(status => status.Generation() > before && status.PolicyState() == "applied");
            if (forgetsConnection)
            {
                // conntrack takes up the next segment as if its sender had opened the connection (nf_conntrack_tcp_loose).
                lab.OnRouter("conntrack", "-D", "-p", "tcp", "--dport", "80");
            }

            if (firstSpeaker == "server")
            {
                // Its own direction is allowed: whether this arrives is not the question.
                await server.SendAsync(new byte[] { 1 }, Token);
                await Task.Delay(100, Token);
            }

            Assert.False(await ArrivesAsync(client, server, Silence), "payload of a revoked connection arrived");

            // Allowed again, it goes on where it was cut.
            uint revoked = (await agent.Api.StatusAsync(Token)).Generation();
            lab.WritePolicy(MaySendAnything("tcp/80"));
            await agent.StatusUntilAsync(status => status.Generation() > revoked && status.PolicyState() == "applied");
            Assert.True(await ReadAsync(server, Patience), "what was sent meanwhile did not arrive");
        }
    }

    [KernelFact]
    public async Task Answers_end_with_the_rule_that_let_the_connection_open()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Allowing("tcp/80"), enableEbpf: false);
        RunningAgent agent = await lab.StartAsync();
        uint before = (await agent.Api.StatusAsync(Token)).Generation();
        (Socket client, Socket server) = await ConnectAsync(lab);
        using (client)
        using (server)
        {
            Assert.True(await ArrivesAsync(client, server, Patience));
            Assert.True(await ArrivesAsync(server, client, Patience));
            lab.WritePolicy(AgentPolicies.Allowing("tcp/81"));
            await agent.StatusUntilAsync(status => status.Generation() > before && status.PolicyState() == "applied");
            Assert.False(await ArrivesAsync(server, client, Silence), "an answer passed by a rule that is gone");
        }
    }

    [KernelFact]
    public async Task To_revoke_the_rule_of_the_other_direction_cuts_nothing()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(MaySendAnything("tcp/80"), enableEbpf: false);
        RunningAgent agent = await lab.StartAsync();
        uint before = (await agent.Api.StatusAsync(Token)).Generation();
        (Socket client, Socket server) = await ConnectAsync(lab);
        using (client)
        using (server)
        {
            Assert.True(await ArrivesAsync(client, server, Patience));
            lab.WritePolicy(AgentPolicies.Allowing("tcp/80"));
            await agent.StatusUntilAsync(status => status.Generation() > before && status.PolicyState() == "applied");
            Assert.True(await ArrivesAsync(server, client, Patience));
            Assert.True(await ArrivesAsync(client, server, Patience));
        }
    }

    [KernelFact]
    public async Task A_connection_that_is_older_than_the_first_policy_lives_on_where_it_allows_the_opener()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Allowing("tcp/80"), enableEbpf: false);
        // Somebody has used conntrack before us, as a host firewall does.
        lab.OnRouter("iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT");
        (Socket client, Socket server) = await ConnectAsync(lab);
        using (client)
        using (server)
        {
            Assert.True(await ArrivesAsync(client, server, Patience));
            await lab.StartAsync();
            Assert.True(await ArrivesAsync(server, client, Patience));
            Assert.True(await ArrivesAsync(client, server, Patience));
        }
    }

    private static string MaySendAnything(string ports) =>
        AgentPolicies.Allowing(ports).Replace("defaultPUOutgoingTrafficAction: Reject", "defaultPUOutgoingTrafficAction: Allow", StringComparison.Ordinal);

    private static async Task<(Socket Client, Socket Server)> ConnectAsync(AgentLab lab)
    {
        IPAddress address = lab.EndOf("web").IPv4;
        using Socket listener = lab.Pod.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Bind(new IPEndPoint(address, Port));
            socket.Listen();
            return socket;
        });
        Socket client = lab.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        client.Bind(new IPEndPoint(lab.EndOf("client").IPv4, 0));
        await client.ConnectAsync(new IPEndPoint(address, Port), Token).AsTask().WaitAsync(Patience, Token);
        return (client, await listener.AcceptAsync(Token).AsTask().WaitAsync(Patience, Token));
    }

    private static async Task<bool> ArrivesAsync(Socket from, Socket to, TimeSpan patience)
    {
        await from.SendAsync(new byte[] { 7 }, Token);
        return await ReadAsync(to, patience);
    }

    private static async Task<bool> ReadAsync(Socket socket, TimeSpan patience)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(patience);
        try
        {
            return await socket.ReceiveAsync(new byte[1], deadline.Token) == 1;
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
            return false;
        }
    }
}
