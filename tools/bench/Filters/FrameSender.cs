using System.ComponentModel;
using System.Runtime.InteropServices;
using Datapath.Lab.Networks;

namespace Datapath.Bench.Filters;

/// <summary>
/// Sends frames through an AF_PACKET socket, many with one call (sendmmsg), past the queueing discipline: over a veth pair the same processor
/// then works off each batch on the other side, so that the time of sending is the time of everything that a packet costs.
/// </summary>
internal sealed unsafe partial class FrameSender : IDisposable
{
    private const int Batch = 64;
    private const string Library = "libc.so.6";
    private const int AddressFamilyPacket = 17;
    private const int SocketRaw = 3;
    private const int LevelPacket = 263;
    private const int QdiscBypass = 20;

    private readonly int _socket;
    private readonly byte* _frames;
    private readonly MessageHeader* _messages;
    private readonly IoVector* _vectors;
    private readonly int _count;
    private int _next;

    /// <summary>Opens it.</summary>
    /// <param name="host">Where.</param>
    /// <param name="interfaceIndex">Where frames go out.</param>
    /// <param name="frames">A multiple of 64, all of one length; sent in turn.</param>
    public FrameSender(LabHost host, int interfaceIndex, byte[][] frames)
    {
        _count = frames.Length;
        int length = frames[0].Length;
        _frames = (byte*)NativeMemory.Alloc((nuint)(length * _count));
        _vectors = (IoVector*)NativeMemory.AllocZeroed((nuint)_count, (nuint)sizeof(IoVector));
        _messages = (MessageHeader*)NativeMemory.AllocZeroed((nuint)_count, (nuint)sizeof(MessageHeader));
        for (int i = 0; i < _count; i++)
        {
            frames[i].CopyTo(new Span<byte>(_frames + (i * length), length));
            _vectors[i] = new IoVector { Base = _frames + (i * length), Length = (nuint)length };
            _messages[i].Vectors = _vectors + i;
            _messages[i].VectorCount = 1;
        }

        _socket = host.Run(() => Open(interfaceIndex));
    }

    /// <summary>Sends the next frames.</summary>
    /// <param name="frames">How many at least; whole batches are sent.</param>
    /// <returns>How many the device took.</returns>
    public int Send(int frames)
    {
        int sent = 0;
        while (sent < frames)
        {
            int taken = sendmmsg(_socket, _messages + _next, Batch, 0);
            if (taken < 0)
            {
                throw new Win32Exception(Marshal.GetLastPInvokeError());
            }

            sent += taken;
            _next = (_next + Batch) % _count;
        }

        return sent;
    }

    /// <summary>Keeps the calling thread on one processor.</summary>
    public static void StayOn(int processor)
    {
        ulong mask = 1UL << processor;
        if (sched_setaffinity(0, sizeof(ulong), &mask) < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = close(_socket);
        NativeMemory.Free(_frames);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_messages);
    }

    private static int Open(int interfaceIndex)
    {
        // Protocol 0: it receives nothing.
        int socket = FrameSender.socket(AddressFamilyPacket, SocketRaw, 0);
        int one = 1;
        // struct sockaddr_ll: family, protocol, index.
        byte* address = stackalloc byte[20];
        new Span<byte>(address, 20).Clear();
        *(ushort*)address = AddressFamilyPacket;
        *(int*)(address + 4) = interfaceIndex;
        return socket >= 0 && setsockopt(socket, LevelPacket, QdiscBypass, &one, sizeof(int)) == 0 && bind(socket, address, 20) == 0
            ? socket
            : throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    [LibraryImport(Library, SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int bind(int socket, byte* address, uint length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int setsockopt(int socket, int level, int name, int* value, uint length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int sendmmsg(int socket, MessageHeader* messages, uint count, int flags);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int sched_setaffinity(int thread, nuint size, ulong* mask);

    [LibraryImport(Library, SetLastError = true)]
    private static partial int close(int descriptor);

    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    // struct mmsghdr: a struct msghdr, then how many bytes went.
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
        public uint Sent;
    }
}
