using System.Diagnostics;
using System.Runtime.InteropServices;
using Datapath.Interop.Netlink;
using Datapath.Policy.Inventory;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Wire;

/// <summary>A packet that is to cross the host.</summary>
/// <param name="Step">Where and what.</param>
/// <param name="Zone">The zone of connection tracking that it belongs to; not 0.</param>
/// <param name="Name">What its bytes end with.</param>
internal sealed record WireShot(PacketStep Step, int Zone, ushort Name)
{
    /// <summary>The kernel's own packets, such as reports of multicast groups, end with small numbers.</summary>
    public const ushort FirstName = 0x5000;

    private const ushort LastName = 0xefff;

    /// <summary>A name that was not in use for long.</summary>
    public static ushort NameAfter(ushort name) => name is < FirstName or >= LastName ? FirstName : (ushort)(name + 1);
}

/// <summary>
/// Sends packets across a host and sees which come through: by the world's end of each link, and by raw sockets on the host. Whoever is
/// asked at a link of the host itself sees packets before they are judged.
/// </summary>
internal sealed unsafe partial class WireDriver : IDisposable
{
    private const int LongestBytes = 2048;
    private const ushort SentinelName = ushort.MaxValue;
    private const int SentinelZone = ushort.MaxValue;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly WirePacket Sentinel = new()
    {
        Source = new AddressKey(false, 0xc6120001),
        Destination = new AddressKey(false, 0xc6120002),
        Protocol = ProtocolNumber.Udp,
    };

    private readonly WireNetwork _network;
    private readonly WireSocket _world;
    private readonly WireSocket[] _senders;
    private readonly Dictionary<(bool IsIPv6, int Protocol), WireSocket> _receivers = [];
    private readonly PacketLog? _tracking;
    private readonly byte[] _buffer = new byte[LongestBytes];

    /// <param name="network">The host.</param>
    /// <param name="isTracked">Whether it says what connection tracking makes of each packet.</param>
    public WireDriver(WireNetwork network, bool isTracked)
    {
        _network = network;
        _world = network.InWorld(WireSocket.ForFrames);
        _senders = network.OnHost<WireSocket[]>(() => [WireSocket.ForSending(isIPv6: false), WireSocket.ForSending(isIPv6: true)]);
        _tracking = isTracked ? network.OnHost(() => new PacketLog(WireNetwork.TrackingLogGroup, LongestBytes, packetsAtOnce: 1)) : null;
    }

    /// <summary>
    /// What connection tracking said of the packets that crossed last, by name: I(nvalid), U(ntracked), N(ew), M(ore of one that nobody has
    /// answered), O(riginal direction), A(nswer), R(elated). P, Q, B and S are the last four of a connection that was not opened under policy.
    /// </summary>
    public Dictionary<ushort, char> Tracked { get; } = [];

    /// <summary>
    /// Sends packets one after the other; each is through before the next goes. To be called by one thread that stays on one processor:
    /// the kernel handles in their order what comes in on one.
    /// </summary>
    /// <param name="shots">The packets, each with a name of its own.</param>
    /// <param name="bytes">Their bytes.</param>
    /// <returns>The names of those that came through.</returns>
    public HashSet<ushort> Cross(IReadOnlyCollection<WireShot> shots, Func<WireShot, byte[][]> bytes)
    {
        foreach (WireShot shot in shots)
        {
            PrepareToReceive(shot.Step.Packet);
            foreach (byte[] packet in bytes(shot))
            {
                Send(shot, packet);
            }
        }
        var sentinel = new PacketStep(CompiledCase.Uplink, IsInwards: true, Origin.SameInterface, Sentinel);
        Send(new WireShot(sentinel, SentinelZone, SentinelName), new WireBytes().Of(Sentinel, SentinelName)[0]);
        HashSet<(int Link, ushort Name)> seen = SeenInWorld();
        HashSet<ushort> delivered = Delivered();
        Tracked.Clear();
        _tracking?.Read(packet => Tracked[NameOf(packet.Payload)] = packet.Prefix.Length > 0 ? packet.Prefix[0] : '?');
        return [.. shots.Where(shot => seen.Contains((_network.WorldLinks[ExitOf(shot.Step)], shot.Name)) || (shot.Step.IsInwards && delivered.Contains(shot.Name))).Select(shot => shot.Name)];
    }

    /// <summary>The calling thread stays on the processor that it is on.</summary>
    public static void StayOnThisProcessor()
    {
        ulong only = 1ul << sched_getcpu();
        Assert.Equal(0, sched_setaffinity(0, sizeof(ulong), &only));
    }

    public void Dispose()
    {
        _world.Dispose();
        _tracking?.Dispose();
        foreach (WireSocket socket in _senders.Concat(_receivers.Values))
        {
            socket.Dispose();
        }
    }

    private static string ExitOf(PacketStep step) => step.IsInwards ? WireNetwork.Sink : step.Interface;

    private static ushort NameOf(ReadOnlySpan<byte> packet) => packet.Length < 2 ? (ushort)0 : (ushort)((packet[^2] << 8) | packet[^1]);

    private void Send(WireShot shot, byte[] packet)
    {
        uint mark = WireNetwork.MarkOf(ExitOf(shot.Step), shot.Zone);
        if (!shot.Step.IsInwards && shot.Step.Origin == Origin.Host)
        {
            // The kernel may refuse it: then it does not come through.
            _ = _senders[shot.Step.Packet.IsIPv6 ? 1 : 0].SendPacket(packet, shot.Step.Packet.Destination, mark);
            return;
        }
        string entry = shot.Step.IsInwards ? shot.Step.Interface : WireNetwork.Far;
        _world.SendFrame(_network.WorldLinks[entry], WireBytes.Frame(packet, mark));
    }

    private void PrepareToReceive(WirePacket packet)
    {
        // Protocol 0 means any to a raw socket, 255 none.
        if (packet.Protocol is > 0 and < 255 && !_receivers.ContainsKey((packet.IsIPv6, packet.Protocol)))
        {
            _receivers.Add((packet.IsIPv6, packet.Protocol), _network.OnHost(() => WireSocket.ForReceiving(packet.IsIPv6, packet.Protocol)));
        }
    }

    private HashSet<(int Link, ushort Name)> SeenInWorld()
    {
        var seen = new HashSet<(int, ushort)>();
        int sink = _network.WorldLinks[WireNetwork.Sink];
        long start = Stopwatch.GetTimestamp();
        while (!seen.Contains((sink, SentinelName)))
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, "the packet that always passes did not");
            int length = _world.Receive(_buffer, out int link);
            if (length >= 0 && link != 0)
            {
                seen.Add((link, NameOf(_buffer.AsSpan(0, length))));
            }
        }
        return seen;
    }

    private HashSet<ushort> Delivered()
    {
        var names = new HashSet<ushort>();
        foreach (WireSocket socket in _receivers.Values)
        {
            int length;
            while ((length = socket.Receive(_buffer, out _)) >= 0)
            {
                names.Add(NameOf(_buffer.AsSpan(0, length)));
            }
        }
        return names;
    }

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial int sched_setaffinity(int thread, nuint bytes, void* mask);

    [LibraryImport("libc.so.6")]
    private static partial int sched_getcpu();
}
