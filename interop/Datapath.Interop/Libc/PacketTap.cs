using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>
/// Sees every packet of a network namespace: what comes in before tc and netfilter, what goes out after them (packet(7)). Changes nothing,
/// and costs each packet a copy while it is open.
/// </summary>
public sealed unsafe class PacketTap : IDisposable
{
    private const int Datagram = 2; // SOCK_DGRAM: from the network header on
    private const ushort EveryProtocol = 0x0300; // ETH_P_ALL, in network order
    private const int AddressBytes = 20; // struct sockaddr_ll
    private const int InterfaceOffset = 4;
    private const int KindOffset = 10;
    private const byte Outgoing = 4; // PACKET_OUTGOING

    private readonly FileDescriptor _descriptor;

    private PacketTap(FileDescriptor descriptor) => _descriptor = descriptor;

    /// <summary>Opens one in the network namespace of the calling thread.</summary>
    /// <param name="patience">How long a look waits for a packet.</param>
    /// <exception cref="KernelException">Not permitted: CAP_NET_RAW.</exception>
    public static PacketTap Open(TimeSpan patience)
    {
        int number = LibcApi.socket(LibcApi.AF_PACKET, Datagram | LibcApi.SOCK_CLOEXEC, EveryProtocol);
        if (number < 0)
        {
            throw new KernelException("open", "packet socket", Marshal.GetLastPInvokeError());
        }

        var tap = new PacketTap(new FileDescriptor(number));
        long* time = stackalloc long[] { (long)patience.TotalSeconds, patience.Microseconds + (patience.Milliseconds * 1000L) };
        if (LibcApi.setsockopt(number, LibcApi.SOL_SOCKET, LibcApi.SO_RCVTIMEO, time, 2 * sizeof(long)) < 0)
        {
            int refusal = Marshal.GetLastPInvokeError();
            tap.Dispose();
            throw new KernelException("set time-out of", "packet socket", refusal);
        }

        return tap;
    }

    /// <summary>Takes the next packet, from its IP header on, cut to the length of the buffer.</summary>
    /// <param name="buffer">For its bytes.</param>
    /// <param name="interfaceIndex">Where it was seen.</param>
    /// <param name="isOutgoing">Whether it was about to be sent there.</param>
    /// <returns>How many bytes; -1 when none came in time.</returns>
    public int Receive(Span<byte> buffer, out int interfaceIndex, out bool isOutgoing)
    {
        byte* address = stackalloc byte[AddressBytes];
        uint addressLength = AddressBytes;
        nint length;
        using (FileDescriptor.Lease fd = _descriptor.Borrow())
        {
            fixed (byte* start = buffer)
            {
                length = LibcApi.recvfrom(fd.Number, start, (nuint)buffer.Length, 0, address, &addressLength);
            }
        }

        var about = new ReadOnlySpan<byte>(address, AddressBytes);
        // An interface that goes down is told once, as an error; then packets come again.
        (interfaceIndex, isOutgoing) = length < 0 ? (0, false) : (BinaryPrimitives.ReadInt32LittleEndian(about[InterfaceOffset..]), about[KindOffset] == Outgoing);
        return (int)length;
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();
}
