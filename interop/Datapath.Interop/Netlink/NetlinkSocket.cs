using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <summary>A routing or socket-table socket of the calling thread's network namespace, for questions that are answered at once.</summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    /// <summary>The kernel makes no datagram larger than half of this.</summary>
    internal const int BufferBytes = 64 * 1024;

    private const ushort DumpFlags = 0x301; // NLM_F_REQUEST | NLM_F_DUMP
    private const ushort AskFlags = 0x005; // NLM_F_REQUEST | NLM_F_ACK
    private const int SocketTables = 4; // NETLINK_SOCK_DIAG
    private const int Attempts = 10;

    // Far longer than any answer takes: an answer that the kernel had no room for is told as an error, not waited for.
    private const long PatienceSeconds = 10;

    private readonly FileDescriptor _descriptor;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly string? _subject;

    /// <summary>Opens it.</summary>
    /// <param name="isStrict">The kernel takes what stands in a question as a filter; without, it answers many with everything it has.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    internal NetlinkSocket(bool isStrict = false)
    {
        _descriptor = new FileDescriptor(Open(LibcApi.SOCK_CLOEXEC));
        if (isStrict)
        {
            BeStrict();
        }
    }

    private NetlinkSocket(int protocol, string subject) =>
        (_descriptor, _subject) = (new FileDescriptor(Open(LibcApi.SOCK_CLOEXEC, protocol)), subject);

    /// <summary>Opens one that answers questions about sockets (sock_diag(7)).</summary>
    /// <exception cref="KernelException">The kernel refused, or has none.</exception>
    internal static NetlinkSocket ForSockets() => new(SocketTables, "socket table");

    /// <summary>Takes a message of a dump.</summary>
    internal delegate void MessageHandler(NetlinkMessage message);

    /// <summary>Makes a netlink socket.</summary>
    /// <param name="flags">SOCK_CLOEXEC and the like.</param>
    /// <param name="protocol">NETLINK_*.</param>
    /// <returns>The descriptor, the caller's to close. Reading it ends with EAGAIN when nothing comes for ten seconds.</returns>
    internal static int Open(int flags, int protocol = LibcApi.NETLINK_ROUTE)
    {
        int descriptor = LibcApi.socket(LibcApi.AF_NETLINK, LibcApi.SOCK_RAW | flags, protocol);
        if (descriptor < 0)
        {
            throw Failure("open", "netlink socket");
        }

        long* patience = stackalloc long[] { PatienceSeconds, 0 };
        // Refused by no kernel; without it a question may wait longer.
        _ = LibcApi.setsockopt(descriptor, LibcApi.SOL_SOCKET, LibcApi.SO_RCVTIMEO, patience, 2 * sizeof(long));
        return descriptor;
    }

    /// <summary>Asks for a table and hands out its rows; again from the start when the table changed meanwhile.</summary>
    /// <param name="type">The question.</param>
    /// <param name="body">Its fixed part.</param>
    /// <param name="restart">Called before each attempt: forget what was handed out.</param>
    /// <param name="handler">Called for each row.</param>
    /// <exception cref="KernelException">The kernel refused, or the table never stood still.</exception>
    internal void Dump(NetlinkMessageType type, ReadOnlySpan<byte> body, Action restart, MessageHandler handler)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            restart();
            Send(type, DumpFlags, body);
            if (ReceiveAll(type, handler))
            {
                return;
            }
        }

        throw new KernelException("read", Subject(type), Errno.Busy);
    }

    /// <summary>Asks for one thing and hands out the answer.</summary>
    /// <param name="type">The question.</param>
    /// <param name="body">All of it.</param>
    /// <param name="handler">Called for the answer.</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    internal void Ask(NetlinkMessageType type, ReadOnlySpan<byte> body, MessageHandler handler)
    {
        Send(type, AskFlags, body);
        ReceiveAll(type, handler);
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    private void BeStrict()
    {
        int on = 1;
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        if (LibcApi.setsockopt(fd.Number, LibcApi.SOL_NETLINK, LibcApi.NETLINK_GET_STRICT_CHK, &on, sizeof(int)) < 0)
        {
            throw Failure("ask for filters at", "routing socket");
        }
    }

    private bool ReceiveAll(NetlinkMessageType question, MessageHandler handler)
    {
        bool isConsistent = true;
        while (true)
        {
            var reader = new NetlinkReader(_buffer.AsSpan(0, Receive()));
            while (reader.TryRead(out NetlinkMessage message))
            {
                isConsistent &= !message.IsInterrupted;
                if (message.ErrorNumber != 0)
                {
                    throw new KernelException("read", Subject(question), message.ErrorNumber);
                }

                if (message.Type is NetlinkMessageType.Done or NetlinkMessageType.Error)
                {
                    return isConsistent;
                }

                handler(message);
            }

            if (reader.IsBroken)
            {
                throw new KernelException("understand", Subject(question), Errno.Invalid);
            }
        }
    }

    private string Subject(NetlinkMessageType type) => _subject ?? $"routing table {type}";

    private void Send(NetlinkMessageType type, ushort flags, ReadOnlySpan<byte> body)
    {
        Span<byte> request = stackalloc byte[NetlinkReader.HeaderBytes + body.Length];
        request.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request[4..], (ushort)type);
        BinaryPrimitives.WriteUInt16LittleEndian(request[6..], flags);
        body.CopyTo(request[NetlinkReader.HeaderBytes..]);
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* start = request)
        {
            if (LibcApi.send(fd.Number, start, (nuint)request.Length, 0) < 0)
            {
                throw Failure("ask for", Subject(type));
            }
        }
    }

    private int Receive()
    {
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* start = _buffer)
        {
            while (true)
            {
                nint received = LibcApi.recv(fd.Number, start, (nuint)_buffer.Length, 0);
                if (received >= 0)
                {
                    return (int)received;
                }

                if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
                {
                    throw Failure("read", "netlink socket");
                }
            }
        }
    }

    private static KernelException Failure(string operation, string subject) =>
        new(operation, subject, Marshal.GetLastPInvokeError());
}
