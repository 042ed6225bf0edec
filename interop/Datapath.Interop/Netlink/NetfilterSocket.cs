using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <summary>A socket to netfilter's subsystems, in the network namespace of the thread that makes it.</summary>
/// <remarks>linux/netfilter/nfnetlink.h. Numbers in attributes are in network byte order here, unlike in rtnetlink.</remarks>
internal sealed unsafe class NetfilterSocket : IDisposable
{
    /// <summary>Size of <c>struct nfgenmsg</c>, which follows the header of every message.</summary>
    internal const int HeaderBytes = 4;

    private const int Protocol = 12; // NETLINK_NETFILTER
    private const int BufferBytes = 256 * 1024;
    private const ushort RequestFlag = 0x1;
    private const ushort AcknowledgeFlag = 0x4;
    private const ushort DumpFlags = 0x300;

    // NLM_F_CREATE, NLM_F_EXCL.
    private const ushort CreateFlags = 0x600;

    private const int DontWait = 0x40;

    // SO_RCVBUFFORCE: beyond the limit of ordinary programs; a burst of events is kept until the next read.
    private const int ForceReceiveBuffer = 33;

    private readonly FileDescriptor _descriptor;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private uint _sequence;

    internal NetfilterSocket(int receiveBufferBytes = BufferBytes)
    {
        int descriptor = NetlinkSocket.Open(LibcApi.SOCK_CLOEXEC, Protocol);
        _descriptor = new FileDescriptor(descriptor);
        // Refused to a program without the right: then the ordinary size has to do.
        _ = LibcApi.setsockopt(descriptor, LibcApi.SOL_SOCKET, ForceReceiveBuffer, &receiveBufferBytes, sizeof(int));
    }

    /// <summary>Takes a message.</summary>
    internal delegate void MessageHandler(NetlinkMessage message);

    /// <summary>Number of a message of a subsystem.</summary>
    internal static ushort Type(int subsystem, int message) => (ushort)((subsystem << 8) | message);

    /// <summary>Asks for something to be done and waits for the answer.</summary>
    /// <param name="type">What.</param>
    /// <param name="body">From <c>struct nfgenmsg</c> on.</param>
    /// <param name="creates">Whether it is to be made, and must not be there.</param>
    /// <returns>0, or the error number of the refusal.</returns>
    /// <exception cref="KernelException">The question did not get through.</exception>
    internal int Execute(ushort type, ReadOnlySpan<byte> body, bool creates = false)
    {
        Send(type, (ushort)(AcknowledgeFlag | (creates ? CreateFlags : 0)), body);
        int answer = 0;
        ReceiveUntilDone(message => answer = message.ErrorNumber);
        return answer;
    }

    /// <summary>Asks for one thing and hands out the answer.</summary>
    /// <param name="type">The question.</param>
    /// <param name="body">From <c>struct nfgenmsg</c> on.</param>
    /// <param name="handler">Called for the answer; not when it is refused.</param>
    /// <returns>0, or the error number of the refusal.</returns>
    /// <exception cref="KernelException">The question did not get through.</exception>
    internal int Ask(ushort type, ReadOnlySpan<byte> body, MessageHandler handler)
    {
        Send(type, AcknowledgeFlag, body);
        int refusal = 0;
        ReceiveUntilDone(message =>
        {
            if (message.Type is NetlinkMessageType.Error)
            {
                refusal = message.ErrorNumber;
            }
            else
            {
                handler(message);
            }
        });
        return refusal;
    }

    /// <summary>Hands out the rows of a table.</summary>
    /// <param name="type">The question.</param>
    /// <param name="body">From <c>struct nfgenmsg</c> on.</param>
    /// <param name="handler">Called for each row.</param>
    /// <exception cref="KernelException">Refused.</exception>
    internal void Dump(ushort type, ReadOnlySpan<byte> body, MessageHandler handler)
    {
        Send(type, DumpFlags, body);
        int refusal = 0;
        ReceiveUntilDone(message =>
        {
            if (message.Type is NetlinkMessageType.Done or NetlinkMessageType.Error)
            {
                refusal = message.ErrorNumber;
            }
            else
            {
                handler(message);
            }
        });
        if (refusal != 0)
        {
            throw new KernelException("read", $"netfilter table {type:x}", refusal);
        }
    }

    /// <summary>Hands out what waits; returns at once.</summary>
    /// <param name="handler">Called for each message.</param>
    /// <returns>False when the kernel had to drop messages since the last time.</returns>
    /// <exception cref="KernelException">Refused.</exception>
    internal bool ReceiveWaiting(MessageHandler handler)
    {
        bool isComplete = true;
        while (true)
        {
            int received = Receive(DontWait);
            if (received == -Errno.TryAgain)
            {
                return isComplete;
            }

            if (received == -Errno.NoBuffers)
            {
                isComplete = false;
                continue;
            }

            var reader = new NetlinkReader(_buffer.AsSpan(0, received));
            while (reader.TryRead(out NetlinkMessage message))
            {
                handler(message);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    // A socket that listens gets packets between question and answer, and the kernel ends several at once
    // with a message "done" of their own (__nfulnl_send in net/netfilter/nfnetlink_log.c): only what carries
    // the number of the question is its answer.
    private void ReceiveUntilDone(MessageHandler handler)
    {
        while (true)
        {
            int received = Receive(flags: 0);
            if (received < 0)
            {
                throw new KernelException("read", "netfilter socket", -received);
            }

            var reader = new NetlinkReader(_buffer.AsSpan(0, received));
            while (reader.TryRead(out NetlinkMessage message))
            {
                if (message.Sequence != _sequence)
                {
                    continue;
                }

                handler(message);
                if (message.Type is NetlinkMessageType.Done or NetlinkMessageType.Error)
                {
                    return;
                }
            }

            if (reader.IsBroken)
            {
                throw new KernelException("understand", "netfilter message", Errno.Invalid);
            }
        }
    }

    private void Send(ushort type, ushort flags, ReadOnlySpan<byte> body)
    {
        var request = new byte[NetlinkReader.HeaderBytes + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(request, request.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(6), (ushort)(RequestFlag | flags));
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(8), ++_sequence);
        body.CopyTo(request.AsSpan(NetlinkReader.HeaderBytes));
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* start = request)
        {
            if (LibcApi.send(fd.Number, start, (nuint)request.Length, 0) < 0)
            {
                throw Failure("ask", $"netfilter {type:x}");
            }
        }
    }

    // The length, or a negative error number of those that callers know what to do with.
    private int Receive(int flags)
    {
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        fixed (byte* start = _buffer)
        {
            while (true)
            {
                nint received = LibcApi.recv(fd.Number, start, (nuint)_buffer.Length, flags);
                if (received >= 0)
                {
                    return (int)received;
                }

                switch (Marshal.GetLastPInvokeError())
                {
                    case Errno.Interrupted:
                        break;
                    case Errno.TryAgain:
                        return -Errno.TryAgain;
                    case Errno.NoBuffers:
                        return -Errno.NoBuffers;
                    default:
                        throw Failure("read", "netfilter socket");
                }
            }
        }
    }

    private static KernelException Failure(string operation, string subject) => new(operation, subject, Marshal.GetLastPInvokeError());
}
