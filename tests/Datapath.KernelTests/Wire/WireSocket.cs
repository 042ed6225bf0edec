using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Datapath.Policy.Inventory;
using Microsoft.Win32.SafeHandles;

namespace Datapath.KernelTests.Wire;

/// <summary>A socket for packets as they are: frames, or IP packets with their header. Never waits.</summary>
internal sealed unsafe partial class WireSocket : IDisposable
{
    private const int FamilyIPv4 = 2;
    private const int FamilyIPv6 = 10;
    private const int FamilyPacket = 17;
    private const int Raw = 3;
    private const int CloseOnExec = 0x80000;
    private const int DontWait = 0x40;
    private const int AnyProtocol = 255; // IPPROTO_RAW
    private const ushort AnyEtherType = 0x0300; // ETH_P_ALL, in network order
    private const int LinkAddressBytes = 20; // struct sockaddr_ll
    private const byte Outgoing = 4; // PACKET_OUTGOING

    // SOL_SOCKET and its options.
    private const int LevelSocket = 1;
    private const int Broadcast = 6;
    private const int ForceReceiveBuffer = 33;
    private const int Mark = 36;

    private const int MulticastLoopIPv4 = 34;
    private const int LevelIPv6 = 41;
    private const int MulticastLoopIPv6 = 19;
    private const int HeaderIncludedIPv6 = 36;

    private const int BufferBytes = 16 << 20;

    private readonly SafeFileHandle _handle;
    private readonly int _descriptor;

    private WireSocket(int family, int protocol)
    {
        _descriptor = socket(family, Raw | CloseOnExec, protocol);
        _handle = new SafeFileHandle(_descriptor, ownsHandle: true);
        Assert(_descriptor >= 0, "socket");
        Set(LevelSocket, ForceReceiveBuffer, BufferBytes);
    }

    /// <summary>Every frame of every interface, and a way to send one.</summary>
    public static WireSocket ForFrames() => new(FamilyPacket, AnyEtherType);

    /// <summary>Sends packets that the host makes, header and all.</summary>
    public static WireSocket ForSending(bool isIPv6)
    {
        var socket = new WireSocket(isIPv6 ? FamilyIPv6 : FamilyIPv4, AnyProtocol);
        if (isIPv6)
        {
            socket.Set(LevelIPv6, HeaderIncludedIPv6, 1);
            socket.Set(LevelIPv6, MulticastLoopIPv6, 0);
        }
        else
        {
            socket.Set(0, MulticastLoopIPv4, 0);
            socket.Set(LevelSocket, Broadcast, 1);
        }
        return socket;
    }

    /// <summary>What is delivered to the host of one protocol.</summary>
    public static WireSocket ForReceiving(bool isIPv6, int protocol) => new(isIPv6 ? FamilyIPv6 : FamilyIPv4, protocol);

    /// <summary>Sends a frame by an interface.</summary>
    public void SendFrame(int interfaceIndex, ReadOnlySpan<byte> frame)
    {
        Span<byte> address = stackalloc byte[LinkAddressBytes];
        address.Clear();
        address[0] = FamilyPacket;
        BinaryPrimitives.WriteInt32LittleEndian(address[4..], interfaceIndex);
        Assert(Send(frame, address) == frame.Length, "send a frame");
    }

    /// <summary>Sends a packet as the host. Returns false when the kernel takes no such packet.</summary>
    /// <param name="packet">From the IP header on.</param>
    /// <param name="destination">Where it says that it goes.</param>
    /// <param name="mark">Its mark.</param>
    public bool SendPacket(ReadOnlySpan<byte> packet, AddressKey destination, uint mark)
    {
        Set(LevelSocket, Mark, (int)mark);
        byte[] bytes = destination.ToAddress().GetAddressBytes();
        Span<byte> address = stackalloc byte[28]; // struct sockaddr_in6
        address.Clear();
        address[0] = (byte)(destination.IsIPv6 ? FamilyIPv6 : FamilyIPv4);
        bytes.CopyTo(address[(destination.IsIPv6 ? 8 : 4)..]);
        return Send(packet, destination.IsIPv6 ? address : address[..16]) == packet.Length;
    }

    /// <summary>Takes what has arrived. Returns its length, or -1 when nothing waits.</summary>
    /// <param name="buffer">For the bytes.</param>
    /// <param name="interfaceIndex">Of a frame: where; 0 for one that was sent from here.</param>
    public int Receive(Span<byte> buffer, out int interfaceIndex)
    {
        Span<byte> address = stackalloc byte[LinkAddressBytes + 12];
        address.Clear();
        uint addressLength = (uint)address.Length;
        nint length;
        fixed (byte* start = buffer)
        fixed (byte* from = address)
        {
            length = recvfrom(_descriptor, start, (nuint)buffer.Length, DontWait, from, &addressLength);
        }
        // The kernel may have an error to tell, of a packet that a former one answered: it is told once.
        interfaceIndex = address[0] == FamilyPacket && address[10] != Outgoing ? BinaryPrimitives.ReadInt32LittleEndian(address[4..]) : 0;
        return (int)length;
    }

    public void Dispose() => _handle.Dispose();

    private void Set(int level, int option, int value) => Assert(setsockopt(_descriptor, level, option, &value, sizeof(int)) == 0, "set an option of");

    private nint Send(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> address)
    {
        fixed (byte* start = bytes)
        fixed (byte* to = address)
        {
            return sendto(_descriptor, start, (nuint)bytes.Length, 0, to, (uint)address.Length);
        }
    }

    private static void Assert(bool isDone, string what) => Xunit.Assert.True(isDone, $"cannot {what} a raw socket: errno {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial int setsockopt(int descriptor, int level, int option, void* value, uint length);

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial nint sendto(int descriptor, void* buffer, nuint length, int flags, void* address, uint addressLength);

    [LibraryImport("libc.so.6", SetLastError = true)]
    private static partial nint recvfrom(int descriptor, void* buffer, nuint length, int flags, void* address, uint* addressLength);
}
