using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Datapath.KernelTests.Agent;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>A flow that stays open over what happens to policy and agent: either end may speak at any time, and is heard or not.</summary>
internal abstract class LiveFlow : IDisposable
{
    private static readonly TimeSpan PortPatience = TimeSpan.FromSeconds(5);

    private const int MessageBytes = 16;
    private const int LongestPacketBytes = 64 * 1024;

    private readonly byte[] _packet = new byte[LongestPacketBytes];

    /// <summary>A flow between two connected sockets.</summary>
    /// <param name="opener">Who opened it.</param>
    /// <param name="responder">The other end.</param>
    protected LiveFlow(Socket opener, Socket responder) => (Opener, Responder) = (opener, responder);

    /// <summary>Socket of who opened it.</summary>
    public Socket Opener { get; }

    /// <summary>Socket of the other end.</summary>
    public Socket Responder { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Opens a flow; both ends were heard.</summary>
    /// <param name="protocol"><c>tcp</c>, <c>udp</c> or <c>ping</c>.</param>
    /// <param name="from">Who opens.</param>
    /// <param name="to">The other end.</param>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="port">Destination port of the opener; for ping the identifier.</param>
    /// <param name="patience">How long an answer may take.</param>
    public static async Task<LiveFlow> OpenAsync(string protocol, LabEnd from, LabEnd to, AddressFamily family, ushort port, TimeSpan patience)
    {
        LiveFlow flow = protocol switch
        {
            "tcp" => await TcpLiveFlow.ConnectAsync(from, to, family, port, patience),
            "udp" => PrepareUdp(from, to, family, port),
            _ => PingLiveFlow.Connect(from, to, family, port),
        };
        Assert.True(await flow.IsHeardAsync(fromOpener: true, patience), $"{protocol} {from.Of(family)} -> {to.Of(family)} {port} did not open");
        Assert.True(await flow.IsHeardAsync(fromOpener: false, patience), $"{protocol} {from.Of(family)} -> {to.Of(family)} {port} was not answered");
        return flow;
    }

    /// <summary>Opens a flow to an address that is translated on the way to the responder's; both ends were heard.</summary>
    /// <param name="protocol"><c>tcp</c>, <c>udp</c> or <c>ping</c>.</param>
    /// <param name="from">Who opens.</param>
    /// <param name="called">What the opener calls.</param>
    /// <param name="to">The other end.</param>
    /// <param name="port">Where the other end listens.</param>
    /// <param name="answeredTo">What the other end answers to; null for the opener's own address.</param>
    /// <param name="patience">How long an answer may take.</param>
    public static async Task<LiveFlow> OpenTranslatedAsync(string protocol, LabEnd from, IPEndPoint called, LabEnd to, ushort port, IPAddress? answeredTo, TimeSpan patience)
    {
        LiveFlow flow = protocol switch
        {
            "tcp" => await TcpLiveFlow.ConnectAsync(from, to, called.AddressFamily, port, patience, called),
            "udp" => await UdpLiveFlow.CallAsync(from, to, port, patience, called),
            _ => PingLiveFlow.Connect(from, to, called.AddressFamily, port, called.Address, answeredTo),
        };
        Assert.True(await flow.IsHeardAsync(fromOpener: true, patience), $"{protocol} {from.IPv4} -> {called} did not open");
        Assert.True(await flow.IsHeardAsync(fromOpener: false, patience), $"{protocol} {from.IPv4} -> {called} was not answered");
        return flow;
    }

    /// <summary>Two UDP sockets that have said nothing yet.</summary>
    /// <param name="from">Who will open.</param>
    /// <param name="to">The other end.</param>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="port">Of the other end.</param>
    public static LiveFlow PrepareUdp(LabEnd from, LabEnd to, AddressFamily family, ushort port) => UdpLiveFlow.Connect(from, to, family, port);

    /// <summary>One end says something new: whether the other end hears it.</summary>
    /// <param name="fromOpener">Who speaks.</param>
    /// <param name="patience">How long to listen.</param>
    /// <param name="bytes">How much it says at once.</param>
    public async Task<bool> IsHeardAsync(bool fromOpener, TimeSpan patience, int bytes = MessageBytes)
    {
        (Socket from, Socket to) = fromOpener ? (Opener, Responder) : (Responder, Opener);
        byte[] message = RandomNumberGenerator.GetBytes(bytes);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(patience);
        try
        {
            await from.SendAsync(Packed(message, fromOpener), deadline.Token);
            // What was said before, and perhaps not listened to, is passed over.
            while (await to.ReceiveAsync(_packet, deadline.Token) is > 0 and int count)
            {
                if (Carries(_packet.AsSpan(0, count), message, fromOpener))
                {
                    return true;
                }
            }

            return false;
        }
        catch (OperationCanceledException) when (!Token.IsCancellationRequested)
        {
            return false;
        }
        catch (SocketException refused) when (refused.SocketErrorCode == SocketError.NoBufferSpaceAvailable)
        {
            // What the speaker's own host drops at tc egress the kernel reports to sockets that want all errors, as .NET's do (ENOBUFS).
            return false;
        }
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        Opener.Dispose();
        Responder.Dispose();
    }

    /// <summary>What the socket is given to send.</summary>
    protected virtual byte[] Packed(byte[] message, bool fromOpener) => message;

    /// <summary>Whether what was received has the message in it.</summary>
    protected virtual bool Carries(ReadOnlySpan<byte> packet, byte[] message, bool fromOpener) => packet.IndexOf(message) >= 0;

    /// <summary>A socket of a host, bound.</summary>
    public static Socket Bound(LabEnd end, AddressFamily family, SocketType type, ProtocolType protocol, ushort port)
    {
        Socket socket = end.Host.Run(() => new Socket(family, type, protocol));
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                socket.Bind(new IPEndPoint(end.Of(family), port));
                return socket;
            }
            catch (SocketException busy) when (busy.SocketErrorCode == SocketError.AddressAlreadyInUse && TimeProvider.System.GetElapsedTime(start) < PortPatience)
            {
                // The one before has been disposed; the runtime closes it when a receive that was given up has ended too.
                using var timer = new ManualResetEventSlim();
                timer.Wait(TimeSpan.FromMilliseconds(20));
            }
        }
    }

    /// <summary>One TCP connection; the listener stays, because it tells who opened.</summary>
    private sealed class TcpLiveFlow(Socket opener, Socket responder, Socket listener) : LiveFlow(opener, responder)
    {
        public static async Task<TcpLiveFlow> ConnectAsync(LabEnd from, LabEnd to, AddressFamily family, ushort port, TimeSpan patience, EndPoint? called = null)
        {
            Socket listener = Bound(to, family, SocketType.Stream, ProtocolType.Tcp, port);
            listener.Listen();
            Socket client = Bound(from, family, SocketType.Stream, ProtocolType.Tcp, port: 0);
            await client.ConnectAsync(called ?? listener.LocalEndPoint!, Token).AsTask().WaitAsync(patience, Token);
            return new TcpLiveFlow(Quick(client), Quick(await listener.AcceptAsync(Token).AsTask().WaitAsync(patience, Token)), listener);
        }

        public override void Dispose()
        {
            base.Dispose();
            listener.Dispose();
        }

        // A connection that was cut could never be closed in order.
        private static Socket Quick(Socket socket)
        {
            socket.NoDelay = true;
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
            return socket;
        }
    }

    /// <summary>Two UDP sockets, each connected to the other.</summary>
    private sealed class UdpLiveFlow(Socket opener, Socket responder) : LiveFlow(opener, responder)
    {
        public static UdpLiveFlow Connect(LabEnd from, LabEnd to, AddressFamily family, ushort port)
        {
            Socket opener = Bound(from, family, SocketType.Dgram, ProtocolType.Udp, port: 0);
            Socket responder = Bound(to, family, SocketType.Dgram, ProtocolType.Udp, port);
            opener.Connect(responder.LocalEndPoint!);
            responder.Connect(opener.LocalEndPoint!);
            return new UdpLiveFlow(opener, responder);
        }

        /// <summary>The responder sees by the first datagram who calls.</summary>
        public static async Task<UdpLiveFlow> CallAsync(LabEnd from, LabEnd to, ushort port, TimeSpan patience, EndPoint called)
        {
            Socket opener = Bound(from, called.AddressFamily, SocketType.Dgram, ProtocolType.Udp, port: 0);
            Socket responder = Bound(to, called.AddressFamily, SocketType.Dgram, ProtocolType.Udp, port);
            opener.Connect(called);
            await opener.SendAsync(new byte[1], Token);
            SocketReceiveFromResult first = await responder.ReceiveFromAsync(new byte[1], responder.LocalEndPoint!, Token).AsTask().WaitAsync(patience, Token);
            responder.Connect(first.RemoteEndPoint);
            return new UdpLiveFlow(opener, responder);
        }
    }

    /// <summary>Echo requests one way and replies the other, of one identifier. The kernel must not answer by itself (<see cref="KernelSettings.SilencePing"/>).</summary>
    private sealed class PingLiveFlow(Socket opener, Socket responder, AddressFamily family, ushort identifier) : LiveFlow(opener, responder)
    {
        public static PingLiveFlow Connect(LabEnd from, LabEnd to, AddressFamily family, ushort identifier, IPAddress? called = null, IPAddress? answeredTo = null)
        {
            ProtocolType protocol = family == AddressFamily.InterNetwork ? ProtocolType.Icmp : ProtocolType.IcmpV6;
            Socket opener = Bound(from, family, SocketType.Raw, protocol, port: 0);
            Socket responder = Bound(to, family, SocketType.Raw, protocol, port: 0);
            opener.Connect(new IPEndPoint(called ?? to.Of(family), port: 0));
            responder.Connect(new IPEndPoint(answeredTo ?? from.Of(family), port: 0));
            return new PingLiveFlow(opener, responder, family, identifier);
        }

        protected override byte[] Packed(byte[] message, bool fromOpener) =>
            EchoMessage.Build(family, isReply: !fromOpener, identifier, message);

        protected override bool Carries(ReadOnlySpan<byte> packet, byte[] message, bool fromOpener) =>
            EchoMessage.IsIn(packet, family, isReply: !fromOpener, identifier, message);
    }
}
