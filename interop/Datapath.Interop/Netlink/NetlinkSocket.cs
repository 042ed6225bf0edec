using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <summary>A routing socket of the calling thread's network namespace, for questions that are answered at once.</summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    /// <summary>The kernel makes no datagram larger than half of this.</summary>
    internal const int BufferBytes = 64 * 1024;

    private const ushort RequestFlags = 0x301; // NLM_F_REQUEST | NLM_F_DUMP
    private const int Attempts = 10;

    private readonly FileDescriptor _descriptor;
    private readonly byte[] _buffer = new byte[BufferBytes];

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

    /// <summary>Takes a message of a dump.</summary>
    internal delegate void MessageHandler(NetlinkMessage message);

    /// <summary>Makes a routing socket.</summary>
    /// <param name="flags">SOCK_CLOEXEC and the like.</param>
    /// <returns>The descriptor, the caller's to close.</returns>
    internal static int Open(int flags)
    {
        int descriptor = LibcApi.socket(LibcApi.AF_NETLINK, LibcApi.SOCK_RAW | flags, LibcApi.NETLINK_ROUTE);
        return descriptor >= 0 ? descriptor : throw Failure("open", "routing socket");
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
            Send(type, body);
            if (ReceiveAll(type, handler))
            {
                return;
            }
        }

        throw new KernelException("read", $"routing table {type}", Errno.Busy);
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
                    throw new KernelException("read", $"routing table {question}", message.ErrorNumber);
                }

                if (message.Type is NetlinkMessageType.Done or NetlinkMessageType.Error)
                {
                    return isConsistent;
                }

                handler(message);
            }

            if (reader.IsBroken)
            {
                throw new KernelException("understand", $"routing table {question}", Errno.Invalid);
            }
        }
    }

    private void Send(NetlinkMessageType type, ReadOnlySpan<byte> body)
    {
        Span<byte> request = stackalloc byte[NetlinkReader.HeaderBytes + body.Length];
        request.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request[4..], (ushort)type);
        BinaryPrimitives.WriteUInt16LittleEndian(request[6..], RequestFlags);
        body.CopyTo(request[NetlinkReader.HeaderBytes..]);
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* start = request)
        {
            if (LibcApi.send(fd.Number, start, (nuint)request.Length, 0) < 0)
            {
                throw Failure("ask for", $"routing table {type}");
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
                    throw Failure("read", "routing socket");
                }
            }
        }
    }

    private static KernelException Failure(string operation, string subject) =>
        new(operation, subject, Marshal.GetLastPInvokeError());
}
