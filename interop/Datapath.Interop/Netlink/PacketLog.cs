using System.Buffers.Binary;

namespace Datapath.Interop.Netlink;

/// <summary>Listens to a group of NFLOG in the network namespace of the thread that makes it.</summary>
/// <remarks>linux/netfilter/nfnetlink_log.h.</remarks>
public sealed class PacketLog : IDisposable
{
    private const int Subsystem = 4;
    private const int PacketMessage = 0;
    private const int ConfigureMessage = 1;

    // NFULA_CFG_*.
    private const int Command = 1;
    private const int Mode = 2;
    private const int FlushTimeout = 4;
    private const int QueueThreshold = 5;
    private const int Flags = 6;
    private const byte Bind = 1;
    private const byte CopyPacket = 2;
    private const byte NumberPackets = 1; // NFULNL_CFG_F_SEQ, in network byte order

    // NFULA_*.
    private const int PacketHeader = 1;
    private const int PacketMark = 2;
    private const int InputIndex = 4;
    private const int OutputIndex = 5;
    private const int PacketPayload = 9;
    private const int LogPrefix = 10;
    private const int SequenceNumber = 12;

    private const int ReceiveBufferBytes = 4 << 20;

    // What the kernel gathers before it hands it over: few packets wait, and none longer than 20 ms.
    private const uint TimeoutCentiseconds = 2;
    private const uint PacketsAtOnce = 64;

    private readonly NetfilterSocket _socket = new(ReceiveBufferBytes);

    // The kernel numbers what it hands over to a listener, from 0.
    private uint _next;

    /// <summary>Begins to listen.</summary>
    /// <param name="group">The group; one listener each.</param>
    /// <param name="copyBytes">How much of each packet is wanted.</param>
    /// <param name="packetsAtOnce">How many the kernel gathers before it hands them over, if it has not waited for 20 ms by then.</param>
    /// <exception cref="KernelException">Somebody else listens (EPERM or EBUSY), or the kernel has no nfnetlink_log.</exception>
    public PacketLog(ushort group, uint copyBytes, uint packetsAtOnce = PacketsAtOnce)
    {
        try
        {
            Span<byte> mode = [0, 0, 0, 0, CopyPacket, 0];
            BinaryPrimitives.WriteUInt32BigEndian(mode, copyBytes);
            // In one message: packets that come between two would be lost, and are gathered for a second.
            Configure(
                new AttributeWriter(resource: group)
                    .Add(Command, Bind)
                    .Add(Mode, mode)
                    .AddNumber(FlushTimeout, TimeoutCentiseconds)
                    .AddNumber(QueueThreshold, packetsAtOnce)
                    .Add(Flags, 0, NumberPackets),
                group
            );
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>Takes a packet.</summary>
    /// <param name="packet">Valid during the call.</param>
    public delegate void PacketHandler(LoggedPacket packet);

    /// <summary>
    /// Packets that the kernel had to drop because nobody read them in time. Their numbers are missing, so the last of them are counted with
    /// the next that comes.
    /// </summary>
    public long Lost { get; private set; }

    /// <summary>Hands over the packets that wait; returns at once.</summary>
    /// <param name="handler">Called for each.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="KernelException">Refused.</exception>
    public int Read(PacketHandler handler)
    {
        int count = 0;
        _socket.ReceiveWaiting(message =>
        {
            if ((ushort)message.Type == NetfilterSocket.Type(Subsystem, PacketMessage) && message.Body.Length >= NetfilterSocket.HeaderBytes)
            {
                LoggedPacket packet = Decode(message.Body[NetfilterSocket.HeaderBytes..]);
                Lost += MissingBefore(packet.Number);
                handler(packet);
                count++;
            }
        });
        return count;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>Reads the attributes of a packet message.</summary>
    internal static LoggedPacket Decode(ReadOnlySpan<byte> attributes)
    {
        int hook = -1;
        uint mark = 0;
        int input = 0;
        int output = 0;
        uint number = 0;
        string prefix = "";
        ReadOnlySpan<byte> payload = default;
        var reader = new AttributeReader(attributes);
        while (reader.MoveNext())
        {
            switch (reader.Type)
            {
                // struct nfulnl_msg_packet_hdr: EtherType, hook, padding.
                case PacketHeader when reader.Value.Length >= 3:
                    hook = reader.Value[2];
                    break;
                case PacketMark:
                    mark = (uint)Number(reader.Value);
                    break;
                case InputIndex:
                    input = Number(reader.Value);
                    break;
                case OutputIndex:
                    output = Number(reader.Value);
                    break;
                case LogPrefix:
                    prefix = reader.Text;
                    break;
                case SequenceNumber:
                    number = (uint)Number(reader.Value);
                    break;
                case PacketPayload:
                    payload = reader.Value;
                    break;
                default:
                    break;
            }
        }

        return new LoggedPacket(hook, mark, input, output, prefix, payload) { Number = number };
    }

    // Modulo 2^32, as the kernel counts.
    private uint MissingBefore(uint number)
    {
        uint missing = number - _next;
        _next = number + 1;
        return missing;
    }

    private static int Number(ReadOnlySpan<byte> value) => value.Length >= sizeof(int) ? BinaryPrimitives.ReadInt32BigEndian(value) : 0;

    private void Configure(AttributeWriter message, ushort group)
    {
        int refusal = _socket.Execute(NetfilterSocket.Type(Subsystem, ConfigureMessage), message.Body);
        if (refusal != 0)
        {
            throw new KernelException("listen to", $"NFLOG group {group}", refusal);
        }
    }
}
