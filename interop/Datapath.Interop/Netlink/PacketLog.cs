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
    private const byte Bind = 1;
    private const byte CopyPacket = 2;

    // NFULA_*.
    private const int PacketHeader = 1;
    private const int PacketMark = 2;
    private const int InputIndex = 4;
    private const int OutputIndex = 5;
    private const int PacketPayload = 9;
    private const int LogPrefix = 10;

    private const int ReceiveBufferBytes = 4 << 20;

    // What the kernel gathers before it hands it over: few packets wait, and none longer than 20 ms.
    private const uint TimeoutCentiseconds = 2;
    private const uint PacketsAtOnce = 64;

    private readonly NetfilterSocket _socket = new(ReceiveBufferBytes);

    /// <summary>Begins to listen.</summary>
    /// <param name="group">The group; one listener each.</param>
    /// <param name="copyBytes">How much of each packet is wanted.</param>
    /// <param name="packetsAtOnce">How many the kernel gathers before it hands them over, if it has not waited for 20 ms by then.</param>
    /// <exception cref="KernelException">Somebody else listens (EBUSY), or the kernel has no nfnetlink_log.</exception>
    public PacketLog(ushort group, uint copyBytes, uint packetsAtOnce = PacketsAtOnce)
    {
        try
        {
            Span<byte> mode = [0, 0, 0, 0, CopyPacket, 0];
            BinaryPrimitives.WriteUInt32BigEndian(mode, copyBytes);
            Configure(new AttributeWriter(resource: group).Add(Command, Bind), group);
            Configure(
                new AttributeWriter(resource: group)
                    .Add(Mode, mode)
                    .AddNumber(FlushTimeout, TimeoutCentiseconds)
                    .AddNumber(QueueThreshold, packetsAtOnce),
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

    /// <summary>How often the kernel had to drop packets because nobody read them.</summary>
    public long Overruns { get; private set; }

    /// <summary>Hands over the packets that wait; returns at once.</summary>
    /// <param name="handler">Called for each.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="KernelException">Refused.</exception>
    public int Read(PacketHandler handler)
    {
        int count = 0;
        bool isComplete = _socket.ReceiveWaiting(message =>
        {
            if ((ushort)message.Type == NetfilterSocket.Type(Subsystem, PacketMessage) && message.Body.Length >= NetfilterSocket.HeaderBytes)
            {
                handler(Decode(message.Body[NetfilterSocket.HeaderBytes..]));
                count++;
            }
        });
        Overruns += isComplete ? 0 : 1;
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
                case PacketPayload:
                    payload = reader.Value;
                    break;
                default:
                    break;
            }
        }

        return new LoggedPacket(hook, mark, input, output, prefix, payload);
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
