using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Datapath.Agent.Sinks;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent.Sinks;

public sealed partial class SyslogSinkTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("dpt-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("udp://192.0.2.1", "udp://192.0.2.1:514")]
    [InlineData("tcp://log.example:1514", "tcp://log.example:1514")]
    [InlineData("tls://[2001:db8::1]", "tls://[2001:db8::1]:6514")]
    [InlineData("unix:/dev/log", "unix:/dev/log")]
    [InlineData("unix:///run/log", "unix:/run/log")]
    [InlineData("log.example:514", null)]
    [InlineData("http://log.example", null)]
    [InlineData("tcp://log.example/path", null)]
    [InlineData("tcp://", null)]
    public void Endpoints_are_urls(string text, string? meaning) => Assert.Equal(meaning, SyslogEndpoint.Parse(text)?.ToString());

    [Fact]
    public async Task Over_udp_each_record_is_one_message_of_rfc_5424()
    {
        using UdpClient server = new(new IPEndPoint(IPAddress.Loopback, 0));
        await using SinkBench bench = new(Datagrams(new SyslogEndpoint(SyslogTransport.Udp, "127.0.0.1", Port(server.Client)), facility: 16));
        bench.Make(2);
        bench.Make(1, FlowEvents.Of() with { Verdict = Verdict.Reject, Reason = DropReason.Policy });
        string[] messages = [await ReceiveAsync(), await ReceiveAsync(), await ReceiveAsync()];
        Assert.All(messages, message => Assert.Matches(Ietf(), message));
        Assert.Equal(["<134>1", "<134>1", "<133>1"], messages.Select(message => message.Split(' ')[0]));
        Assert.Equal([1, 2, 1], messages.Select(message => SourcePort(Ietf().Match(message).Groups["json"].Value)));

        async Task<string> ReceiveAsync() => Encoding.UTF8.GetString((await server.ReceiveAsync(TestContext.Current.CancellationToken)).Buffer);
    }

    [Fact]
    public async Task The_local_socket_is_given_messages_of_rfc_3164_without_a_host()
    {
        string path = Path.Combine(_root, "log");
        using Socket server = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(path));
        await using SinkBench bench = new(Datagrams(new SyslogEndpoint(SyslogTransport.Local, path, 0)));
        bench.Make(1);
        byte[] buffer = new byte[8192];
        int length = await server.ReceiveAsync(buffer, SocketFlags.None, TestContext.Current.CancellationToken);
        string message = Encoding.UTF8.GetString(buffer, 0, length);
        Match match = Bsd().Match(message);
        Assert.True(match.Success, message);
        Assert.Equal("14", match.Groups["priority"].Value);
        Assert.Equal(TimeZoneInfo.ConvertTime(FlowEvents.Start, TimeZoneInfo.Local).ToString("MMM  d HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture), match.Groups["time"].Value);
        Assert.Equal(1, SourcePort(match.Groups["json"].Value));
    }

    [Fact]
    public async Task A_record_too_long_for_a_datagram_is_counted_as_lost_and_stops_none_of_those_behind_it()
    {
        using UdpClient server = new(new IPEndPoint(IPAddress.Loopback, 0));
        await using SinkBench bench = new(Datagrams(new SyslogEndpoint(SyslogTransport.Udp, "127.0.0.1", Port(server.Client))));
        bench.Runner.Pipe.Offer(FlowEvents.Record() with { Source = FlowEndpoint.Unit("/", "fat", [new string('x', 70_000)]) });
        bench.Make(1);
        UdpReceiveResult message = await server.ReceiveAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, SourcePort(Ietf().Match(Encoding.UTF8.GetString(message.Buffer)).Groups["json"].Value));
        await bench.UntilDeliveredAsync(1);
        Assert.Equal((1, 1, 0), (bench.Runner.Delivered, bench.Runner.PassedOver, bench.Runner.Failures));
    }

    [Fact]
    public async Task Over_tcp_octets_are_counted_and_a_broken_connection_is_made_again()
    {
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        await using SinkBench bench = new(Stream(SyslogTransport.Tcp, Port(server.Server)));
        bench.Make(3);
        using (TcpClient first = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken))
        {
            Assert.Equal([1, 2, 3], await CountedAsync(first.GetStream(), 3));
        }

        // The first write after the other end has gone is the system's to lose; one that it refuses comes again.
        await bench.UntilAsync(
            () =>
            {
                bench.Make(1);
                return bench.Runner.Failures > 0;
            },
            "the end was noticed"
        );
        using TcpClient second = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        Assert.Equal([1], await CountedAsync(second.GetStream(), 1));
        await bench.UntilAsync(() => bench.Runner.Problem is null, "it works again");
    }

    [Fact]
    public async Task The_old_form_over_tcp_ends_in_line_feeds()
    {
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        await using SinkBench bench = new(Stream(SyslogTransport.Tcp, Port(server.Server), SyslogFormat.Bsd));
        bench.Make(2);
        using TcpClient client = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        using StreamReader lines = new(client.GetStream());
        for (int i = 1; i <= 2; i++)
        {
            string line = (await lines.ReadLineAsync(TestContext.Current.CancellationToken))!;
            Assert.Matches(BsdWithHost(), line);
            Assert.Equal(i, SourcePort(line[line.IndexOf('{', StringComparison.Ordinal)..]));
        }
    }

    [Fact]
    public async Task Over_tls_both_ends_show_their_certificates()
    {
        using X509Certificate2 certificate = Certificate("127.0.0.1");
        using X509Certificate2 client = Certificate("agent");
        string ca = WriteCertificate("ca.pem", certificate, withKey: false);
        string own = WriteCertificate("client.pem", client, withKey: true);
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        await using SinkBench bench = new(Stream(SyslogTransport.Tls, Port(server.Server), ca: ca, own: own));
        bench.Make(2);
        using TcpClient connection = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        string? shown = null;
        await using SslStream secure = new(connection.GetStream());
        await secure.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificate = certificate,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, remote, _, _) => (shown = remote?.Subject) is not null,
            },
            TestContext.Current.CancellationToken
        );
        Assert.Equal([1, 2], await CountedAsync(secure, 2));
        Assert.Equal("CN=agent", shown);
    }

    [Fact]
    public async Task A_server_whose_certificate_is_not_trusted_gets_no_record()
    {
        using X509Certificate2 trusted = Certificate("127.0.0.1");
        using X509Certificate2 other = Certificate("127.0.0.1");
        using TcpListener server = new(IPAddress.Loopback, 0);
        server.Start();
        await using SinkBench bench = new(Stream(SyslogTransport.Tls, Port(server.Server), ca: WriteCertificate("ca.pem", trusted, withKey: false)));
        bench.Make(1);
        using TcpClient connection = await server.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using SslStream secure = new(connection.GetStream());
        Task shaking = secure.AuthenticateAsServerAsync(other);
        await bench.UntilAsync(() => bench.Runner.Failures > 0, "refused");
        Assert.Equal(0, bench.Runner.Delivered);
        await Task.WhenAny(shaking);
        Assert.Contains("certificate", bench.Runner.Problem, StringComparison.OrdinalIgnoreCase);
    }

    private static SyslogDatagramSink Datagrams(SyslogEndpoint endpoint, int facility = SyslogSettings.User) =>
        new(new SyslogSettings { Endpoint = endpoint, Facility = facility }, "host/default", TimeProvider.System);

    private static SyslogStreamSink Stream(SyslogTransport transport, int port, SyslogFormat format = SyslogFormat.Auto, string? ca = null, string? own = null) =>
        new(
            new SyslogSettings { Endpoint = new SyslogEndpoint(transport, "127.0.0.1", port), Format = format, ServerCa = ca, ClientCertificate = own },
            "host/default",
            TimeProvider.System
        );

    private static int Port(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    private static int SourcePort(string json) => JsonDocument.Parse(json).RootElement.GetProperty("sourcePort").GetInt32();

    /// <summary>Reads messages with the number of their octets before them, RFC 6587 section 3.4.1.</summary>
    private static async Task<List<int>> CountedAsync(Stream stream, int count)
    {
        List<int> ports = [];
        byte[] one = new byte[1];
        while (ports.Count < count)
        {
            int length = 0;
            while (await NextAsync() is var next and not (byte)' ')
            {
                Assert.InRange(next, (byte)'0', (byte)'9');
                length = length * 10 + next - '0';
            }

            byte[] message = new byte[length];
            await stream.ReadExactlyAsync(message, TestContext.Current.CancellationToken);
            Match match = Ietf().Match(Encoding.UTF8.GetString(message));
            Assert.True(match.Success, Encoding.UTF8.GetString(message));
            ports.Add(SourcePort(match.Groups["json"].Value));
        }

        return ports;

        async Task<byte> NextAsync()
        {
            await stream.ReadExactlyAsync(one, TestContext.Current.CancellationToken);
            return one[0];
        }
    }

    private static X509Certificate2 Certificate(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
    }

    private string WriteCertificate(string name, X509Certificate2 certificate, bool withKey)
    {
        string path = Path.Combine(_root, name);
        using ECDsa? key = certificate.GetECDsaPrivateKey();
        File.WriteAllText(path, certificate.ExportCertificatePem() + (withKey ? "\n" + key!.ExportPkcs8PrivateKeyPem() + "\n" : "\n"));
        return path;
    }

    // HEADER of RFC 5424 section 6: priority and version, time, host, program, process, message id, no structured data.
    [GeneratedRegex(@"^<\d{1,3}>1 2026-01-02T03:04:05\.000000Z [!-~]+ datapath \d+ flow - (?<json>\{.*\})$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Ietf();

    [GeneratedRegex(@"^<(?<priority>\d{1,3})>(?<time>Jan  [123] \d\d:\d\d:\d\d) datapath\[\d+\]: (?<json>\{.*\})$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Bsd();

    [GeneratedRegex(@"^<\d{1,3}>Jan  [123] \d\d:\d\d:\d\d [!-~]+ datapath\[\d+\]: \{.*\}$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex BsdWithHost();
}
