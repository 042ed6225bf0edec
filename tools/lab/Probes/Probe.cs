using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Probes;

/// <summary>One attempt from a host to an address, with a real socket: it sends a few bytes and wants them back.</summary>
/// <param name="From">The host that tries.</param>
/// <param name="Source">The address that it uses.</param>
/// <param name="Destination">The address that it tries.</param>
/// <param name="Patience">How long it waits for an answer.</param>
public abstract record Probe(LabHost From, IPAddress Source, IPAddress Destination, TimeSpan Patience)
{
    private const int PayloadBytes = 16;

    /// <summary>Bytes that no other attempt sends.</summary>
    protected byte[] Payload { get; } = RandomNumberGenerator.GetBytes(PayloadBytes);

    /// <summary>Makes the attempt.</summary>
    /// <param name="cancellation">Gives up early, by an exception.</param>
    public async Task<ProbeResult> RunAsync(CancellationToken cancellation = default)
    {
        using var socket = From.Run(OpenSocket);
        var sourcePort = SourcePortOf(socket);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Patience);
        try
        {
            await ExchangeAsync(socket, deadline.Token);
            return new ProbeResult(ProbeOutcome.Answered, sourcePort);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new ProbeResult(ProbeOutcome.TimedOut, sourcePort);
        }
        catch (SocketException exception)
            when (exception.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.AccessDenied)
        {
            return new ProbeResult(ProbeOutcome.Refused, sourcePort);
        }
    }

    /// <summary>A socket bound to <see cref="Source"/>; called inside the namespace.</summary>
    protected abstract Socket OpenSocket();

    /// <summary>Sends the payload and returns when it has come back.</summary>
    /// <param name="socket">What <see cref="OpenSocket"/> made.</param>
    /// <param name="cancellation">The deadline.</param>
    protected abstract Task ExchangeAsync(Socket socket, CancellationToken cancellation);

    /// <summary>The port that the kernel chose.</summary>
    /// <param name="socket">A bound socket.</param>
    protected virtual ushort SourcePortOf(Socket socket) => (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
}
