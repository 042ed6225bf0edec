namespace Datapath.Agent.Sinks;

/// <summary>How a message looks.</summary>
internal enum SyslogFormat
{
    /// <summary>BSD on the local socket, which its readers expect; otherwise IETF.</summary>
    Auto,

    /// <summary>RFC 3164.</summary>
    Bsd,

    /// <summary>RFC 5424.</summary>
    Ietf,
}

/// <summary>What messages are sent by.</summary>
internal enum SyslogTransport
{
    /// <summary>The socket of the local log, datagrams.</summary>
    Local,

    /// <summary>RFC 5426: a datagram for each message.</summary>
    Udp,

    /// <summary>RFC 6587.</summary>
    Tcp,

    /// <summary>RFC 5425.</summary>
    Tls,
}

/// <summary>Where syslog messages go.</summary>
/// <param name="Transport">What they are sent by.</param>
/// <param name="Host">Name or address; for <see cref="SyslogTransport.Local"/> the path of the socket.</param>
/// <param name="Port">The port; 0 for the local socket.</param>
internal sealed record SyslogEndpoint(SyslogTransport Transport, string Host, int Port)
{
    /// <summary>The log of this host.</summary>
    public static SyslogEndpoint Local { get; } = new(SyslogTransport.Local, "/dev/log", 0);

    private const int PlainPort = 514;
    private const int TlsPort = 6514;

    /// <summary>Reads <c>udp|tcp|tls://host[:port]</c> or <c>unix:/path</c>; null for anything else.</summary>
    /// <param name="text">As written by a user.</param>
    public static SyslogEndpoint? Parse(string text)
    {
        if (text.StartsWith("unix:/", StringComparison.Ordinal))
        {
            return new SyslogEndpoint(SyslogTransport.Local, "/" + text["unix:".Length..].TrimStart('/'), 0);
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0 || uri.PathAndQuery.TrimEnd('/').Length > 0 || uri.UserInfo.Length > 0)
        {
            return null;
        }

        int port = uri.Port > 0 ? uri.Port : uri.Scheme == "tls" ? TlsPort : PlainPort;
        return uri.Scheme switch
        {
            "udp" => new SyslogEndpoint(SyslogTransport.Udp, uri.DnsSafeHost, port),
            "tcp" => new SyslogEndpoint(SyslogTransport.Tcp, uri.DnsSafeHost, port),
            "tls" => new SyslogEndpoint(SyslogTransport.Tls, uri.DnsSafeHost, port),
            _ => null,
        };
    }

    /// <summary>As <see cref="Parse"/> reads it.</summary>
    public override string ToString()
    {
        string host = Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return Transport == SyslogTransport.Local ? $"unix:{Host}" : $"{Transport.ToString().ToLowerInvariant()}://{host}:{Port}";
    }
}

/// <summary>What is sent to syslog, and how. The settings are those of enforcer profiles, specification a.6.</summary>
internal sealed record SyslogSettings
{
    /// <summary>The facility "user-level messages".</summary>
    public const int User = 1;

    /// <summary>Where to.</summary>
    public SyslogEndpoint Endpoint { get; init; } = SyslogEndpoint.Local;

    /// <summary>How a message looks.</summary>
    public SyslogFormat Format { get; init; }

    /// <summary>The facility: 0 to 23.</summary>
    public int Facility { get; init; } = User;

    /// <summary>PEM file of the certificates that the server's must come from; null for those that the system trusts.</summary>
    public string? ServerCa { get; init; }

    /// <summary>PEM file of the certificate that we show; null for none.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>PEM file of its key; null when it is in the same file.</summary>
    public string? ClientKey { get; init; }

    /// <summary>Whether messages look like those of RFC 5424.</summary>
    public bool IsIetf => Format == SyslogFormat.Ietf || (Format == SyslogFormat.Auto && Endpoint.Transport != SyslogTransport.Local);
}
