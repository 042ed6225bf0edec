using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Datapath.Agent.Records;

namespace Datapath.Agent.Sinks;

/// <summary>Syslog by datagrams, one for each record: over UDP (RFC 5426) or to the socket of the local log.</summary>
/// <remarks>Nobody acknowledges a datagram: delivered means that the kernel has taken it, or that nobody said that the port is closed.</remarks>
/// <param name="settings">Where to, and how it looks.</param>
/// <param name="enforcer">Name of the agent in the records.</param>
/// <param name="clock">The time zone of messages of the old form.</param>
internal sealed class SyslogDatagramSink(SyslogSettings settings, string enforcer, TimeProvider clock) : FlowSink
{
    private byte[] _message = new byte[4096];
    private Socket? _socket;
    private int _passedOver;

    /// <inheritdoc/>
    public override string Name => "syslog";

    /// <inheritdoc/>
    public override FlowRecordReceiverFactory Format => new SyslogMessage(settings, enforcer, clock).Writer;

    /// <inheritdoc/>
    public override int PassedOver => _passedOver;

    /// <inheritdoc/>
    public override async ValueTask<SequencePosition> WriteAsync(ReadOnlySequence<byte> lines, CancellationToken cancellation)
    {
        _passedOver = 0;
        Socket socket = _socket ??= await ConnectAsync(cancellation);
        ReadOnlySequence<byte> rest = lines;
        while (RecordLines.TryTake(ref rest, out ReadOnlySequence<byte> line))
        {
            SequencePosition before = line.Start;
            try
            {
                await socket.SendAsync(Message(line), SocketFlags.None, cancellation);
            }
            catch (SocketException trouble) when (trouble.SocketErrorCode == SocketError.MessageSize)
            {
                // Hundreds of tags do not fit into a datagram, and never will: it is passed over, or it would stop all that follow.
                _passedOver++;
            }
            catch (SocketException) when (!before.Equals(lines.Start))
            {
                // Those before went out; the next write meets the trouble with this one first.
                return before;
            }
        }

        return lines.End;
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _socket?.Dispose();
        _socket = null;
        return ValueTask.CompletedTask;
    }

    private ReadOnlyMemory<byte> Message(ReadOnlySequence<byte> line)
    {
        if (line.IsSingleSegment)
        {
            return line.First;
        }

        int length = checked((int)line.Length);
        if (_message.Length < length)
        {
            _message = new byte[length * 2];
        }

        line.CopyTo(_message);
        return _message.AsMemory(0, length);
    }

    private async Task<Socket> ConnectAsync(CancellationToken cancellation)
    {
        bool isLocal = settings.Endpoint.Transport == SyslogTransport.Local;
        Socket socket = isLocal ? new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) : new(SocketType.Dgram, ProtocolType.Udp);
        try
        {
            EndPoint place = isLocal ? new UnixDomainSocketEndPoint(settings.Endpoint.Host) : new DnsEndPoint(settings.Endpoint.Host, settings.Endpoint.Port);
            await socket.ConnectAsync(place, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
