using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Datapath.Policy.Rulesets;

namespace Datapath.Backends.Probing;

/// <summary>What a probe was, and what came of it.</summary>
/// <param name="Sent">Its first packet.</param>
/// <param name="Outcome">What came of it.</param>
/// <param name="RoundTrip">Until the answer; null without one.</param>
/// <param name="Error">What the system said.</param>
internal sealed record ProbeExchange(SentProbe Sent, ProbeOutcome Outcome, TimeSpan? RoundTrip, string? Error)
{
    /// <summary>One line, for another process.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Outcome} {Sent.Protocol} {Sent.Source} {RoundTrip?.Ticks ?? -1} {Error?.ReplaceLineEndings(" ")}");

    /// <summary>The other way round; null for any other line.</summary>
    /// <param name="line">As <see cref="ToString"/> wrote it.</param>
    /// <param name="target">Whom it was to reach.</param>
    public static ProbeExchange? Parse(string line, IPEndPoint target)
    {
        ArgumentNullException.ThrowIfNull(line);
        return
            line.Split(' ', 5) is [var word, var number, var end, var time, var error]
            && Enum.TryParse(word, out ProbeOutcome outcome)
            && byte.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out byte protocol)
            && IPEndPoint.TryParse(end, out IPEndPoint? source)
            && long.TryParse(time, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long ticks)
            // An echo has its identifier at both ends.
            ? new ProbeExchange(
                new SentProbe(protocol, source, target.Port == 0 ? new IPEndPoint(target.Address, source.Port) : target),
                outcome,
                ticks < 0 ? null : TimeSpan.FromTicks(ticks),
                error.Length == 0 ? null : error
            )
            : null;
    }
}

/// <summary>A TCP connection that is opened and dropped at once.</summary>
internal static class ConnectExchange
{
    /// <summary>Opens it.</summary>
    /// <param name="socket">Bound.</param>
    /// <param name="source">Where to.</param>
    /// <param name="target">Whom to reach.</param>
    /// <param name="patience">How long to wait.</param>
    public static ProbeExchange Run(Socket socket, IPEndPoint source, IPEndPoint target, TimeSpan patience)
    {
        SentProbe sent = new(IanaProtocol.Tcp, source, target);
        // With a reset, so that nothing of the probe lingers at either end.
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        long start = TimeProvider.System.GetTimestamp();
        using CancellationTokenSource limit = new(patience);
        try
        {
            socket.ConnectAsync(target, limit.Token).AsTask().GetAwaiter().GetResult();
            return new ProbeExchange(sent, ProbeOutcome.Answered, TimeProvider.System.GetElapsedTime(start), null);
        }
        catch (OperationCanceledException)
        {
            return new ProbeExchange(sent, ProbeOutcome.Silent, null, null);
        }
        catch (SocketException refusal)
        {
            TimeSpan took = TimeProvider.System.GetElapsedTime(start);
            return refusal.SocketErrorCode switch
            {
                SocketError.ConnectionRefused or SocketError.ConnectionReset => new ProbeExchange(sent, ProbeOutcome.Refused, took, refusal.Message),
                SocketError.TimedOut => new ProbeExchange(sent, ProbeOutcome.Silent, null, refusal.Message),
                _ => new ProbeExchange(sent, ProbeOutcome.Unreachable, null, refusal.Message),
            };
        }
    }
}
