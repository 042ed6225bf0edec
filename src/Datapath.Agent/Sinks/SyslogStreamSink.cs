using System.Buffers;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Datapath.Agent.Records;

namespace Datapath.Agent.Sinks;

/// <summary>Syslog over a connection: TCP (RFC 6587) or TLS (RFC 5425).</summary>
/// <remarks>
/// Messages of the new form are counted octets, as RFC 5425 wants and RFC 6587 prefers; those of the old form end in a line feed, which is all that their
/// receivers know. What was in a connection that broke is sent again: twice is better than never.
/// </remarks>
/// <param name="settings">Where to, and how it looks.</param>
/// <param name="enforcer">Name of the agent in the records.</param>
/// <param name="clock">The time zone of messages of the old form.</param>
internal sealed class SyslogStreamSink(SyslogSettings settings, string enforcer, TimeProvider clock) : FlowSink
{
    private const int MostBytes = 64 * 1024;
    private const int LongestCount = 12;

    private readonly ArrayBufferWriter<byte> _frames = new(MostBytes);
    private Stream? _stream;

    /// <inheritdoc/>
    public override string Name => "syslog";

    /// <inheritdoc/>
    public override FlowRecordReceiverFactory Format => new SyslogMessage(settings, enforcer, clock).Writer;

    /// <inheritdoc/>
    public override async ValueTask<SequencePosition> WriteAsync(ReadOnlySequence<byte> lines, CancellationToken cancellation)
    {
        Stream stream = _stream ??= await ConnectAsync(cancellation);
        ReadOnlySequence<byte> fitting = RecordLines.Fitting(lines, MostBytes);
        _frames.ResetWrittenCount();
        ReadOnlySequence<byte> rest = fitting;
        while (RecordLines.TryTake(ref rest, out ReadOnlySequence<byte> line))
        {
            Frame(line);
        }

        await stream.WriteAsync(_frames.WrittenMemory, cancellation);
        await stream.FlushAsync(cancellation);
        return fitting.End;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_stream is { } stream)
        {
            _stream = null;
            await stream.DisposeAsync();
        }
    }

    private void Frame(ReadOnlySequence<byte> line)
    {
        if (settings.IsIetf)
        {
            Span<byte> count = _frames.GetSpan(LongestCount);
            line.Length.TryFormat(count, out int digits, default, CultureInfo.InvariantCulture);
            count[digits] = (byte)' ';
            _frames.Advance(digits + 1);
        }

        foreach (ReadOnlyMemory<byte> part in line)
        {
            _frames.Write(part.Span);
        }

        if (!settings.IsIetf)
        {
            RecordFormats.EndLine(_frames);
        }
    }

    private async Task<Stream> ConnectAsync(CancellationToken cancellation)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(settings.Endpoint.Host, settings.Endpoint.Port, cancellation);

            // A peer that lost power says nothing, and a sink that says little would not notice for hours.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
            stream = new NetworkStream(socket, ownsSocket: true);
            return settings.Endpoint.Transport == SyslogTransport.Tls ? await SecureAsync(stream, cancellation) : stream;
        }
        catch
        {
            socket.Dispose();
            if (stream is not null)
            {
                await stream.DisposeAsync();
            }

            throw;
        }
    }

    private async Task<Stream> SecureAsync(Stream plain, CancellationToken cancellation)
    {
        SslClientAuthenticationOptions options = new() { TargetHost = settings.Endpoint.Host };
        if (settings.ServerCa is { } path)
        {
            X509ChainPolicy chain = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            chain.CustomTrustStore.ImportFromPemFile(path);
            options.CertificateChainPolicy = chain;
        }

        if (settings.ClientCertificate is { } certificate)
        {
            options.ClientCertificates = [X509Certificate2.CreateFromPemFile(certificate, settings.ClientKey ?? certificate)];
        }

        SslStream secure = new(plain, leaveInnerStreamOpen: false);
        try
        {
            await secure.AuthenticateAsClientAsync(options, cancellation);
            return secure;
        }
        catch
        {
            await secure.DisposeAsync();
            throw;
        }
    }
}
