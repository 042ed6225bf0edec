using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>
/// What was closed, reset or never finished admits nothing three minutes later: a flow entry must not be a hole in the policy. The time is not waited
/// for: the entries in the pinned tables are made three minutes older.
/// </summary>
public sealed class ClosedFlowTests
{
    private const ushort Port = 80;
    private const int HeaderBytes = 20;
    private const byte HeaderWords = HeaderBytes / 4 << 4;
    private const byte Syn = 0x02;
    private const byte Ack = 0x10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(300);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("closed", AddressFamily.InterNetwork)]
    [InlineData("closed", AddressFamily.InterNetworkV6)]
    [InlineData("closed by the responder", AddressFamily.InterNetwork)]
    [InlineData("reset", AddressFamily.InterNetwork)]
    [InlineData("reset", AddressFamily.InterNetworkV6)]
    [InlineData("never answered", AddressFamily.InterNetwork)]
    [InlineData("never answered", AddressFamily.InterNetworkV6)]
    public async Task A_tuple_admits_nothing_three_minutes_after_it_was(string end, AddressFamily family)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Allowing($"tcp/{Port}"));
        await lab.StartAsync();
        foreach (string unit in (string[])["router", "web"])
        {
            (LabEnd client, LabEnd server) = (lab.EndOf("client"), lab.EndOf(unit));
            ushort clientPort = await OpenAndEndAsync(end, client, server, family);
            if (end != "never answered")
            {
                // While it is fresh its last words may pass: the segment is one that the policy alone denies.
                Assert.True(await PassesAsync(server, client, family, clientPort, Patience), $"{unit}: nothing was left to be forgotten");
            }

            Assert.NotEqual(0, FlowTables.Age(lab, TimeSpan.FromMinutes(3)));
            Assert.False(await PassesAsync(server, client, family, clientPort, PatienceForNothing), $"{unit}: still open after three minutes");
        }
    }

    private static async Task<ushort> OpenAndEndAsync(string end, LabEnd client, LabEnd server, AddressFamily family)
    {
        if (end == "never answered")
        {
            // Nobody listens and nobody has the port: a request that the other end never follows up.
            ushort port = (ushort)RandomNumberGenerator.GetInt32(20000, 30000);
            await SendAsync(client, server, family, port, Port, Syn, []);
            await Task.Delay(PatienceForNothing, Token);
            return port;
        }

        using LiveFlow flow = await LiveFlow.OpenAsync("tcp", client, server, family, Port, Patience);
        ushort clientPort = (ushort)((IPEndPoint)flow.Opener.LocalEndPoint!).Port;
        (Socket first, Socket second) = end == "closed by the responder" ? (flow.Responder, flow.Opener) : (flow.Opener, flow.Responder);
        // A zero lingering time, as LiveFlow has it, makes an end of the connection a reset.
        first.LingerState = new LingerOption(enable: end == "reset", seconds: 0);
        second.LingerState = new LingerOption(enable: false, seconds: 0);
        first.Close();
        if (end == "reset")
        {
            await Assert.ThrowsAsync<SocketException>(async () => await second.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(Patience, Token));
        }
        else
        {
            Assert.Equal(0, await second.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(Patience, Token));
            second.Close();
        }

        return clientPort;
    }

    /// <summary>Whether a segment of the server that answers nothing comes through to the client.</summary>
    private static async Task<bool> PassesAsync(LabEnd server, LabEnd client, AddressFamily family, ushort clientPort, TimeSpan patience)
    {
        byte[] mark = RandomNumberGenerator.GetBytes(16);
        using Socket listening = LiveFlow.Bound(client, family, SocketType.Raw, ProtocolType.Tcp, port: 0);
        await SendAsync(server, client, family, Port, clientPort, Ack, mark);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(patience);
        var packet = new byte[2048];
        try
        {
            while (true)
            {
                int count = await listening.ReceiveAsync(packet, deadline.Token);
                if (packet.AsSpan(0, count).IndexOf(mark) >= 0)
                {
                    return true;
                }
            }
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Sends a segment that no socket stands behind. Its checksum is wrong: filters do not look, and the receiving kernel ignores it.</summary>
    private static async Task SendAsync(LabEnd from, LabEnd to, AddressFamily family, ushort source, ushort destination, byte flags, byte[] payload)
    {
        using Socket socket = LiveFlow.Bound(from, family, SocketType.Raw, ProtocolType.Tcp, port: 0);
        byte[] segment = [.. new byte[HeaderBytes], .. payload];
        BinaryPrimitives.WriteUInt16BigEndian(segment, source);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), destination);
        segment[12] = HeaderWords;
        segment[13] = flags;
        try
        {
            await socket.SendToAsync(segment, new IPEndPoint(to.Of(family), port: 0), Token);
        }
        catch (SocketException refused) when (refused.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            // Dropped at the sender's own host.
        }
    }
}
