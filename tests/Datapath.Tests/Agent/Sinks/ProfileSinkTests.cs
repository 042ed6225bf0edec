using System.Net;
using System.Net.Sockets;
using System.Text;
using Datapath.Agent.Sinks;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent.Sinks;

/// <summary>The sink that an enforcer profile asks for, in a running agent.</summary>
public sealed class ProfileSinkTests : IDisposable
{
    private readonly AgentFixture _fixture = new();
    private readonly UdpClient _server = new(new IPEndPoint(IPAddress.Loopback, 0));

    public void Dispose()
    {
        _server.Dispose();
        _fixture.Dispose();
    }

    private int Port => ((IPEndPoint)_server.Client.LocalEndPoint!).Port;

    [Fact]
    public async Task It_comes_changes_and_goes_with_the_policy()
    {
        _fixture.Write("a.yaml", Profile($"syslogEnabled: true, syslogEndpoint: 'udp://127.0.0.1:{Port}', syslogFacility: 16, syslogFormat: IETF"));
        await using RunningAgent agent = await _fixture.StartAsync();
        await agent.UntilAsync(status => status.Records.Sinks.Any(sink => sink.Name == "syslog"));
        _fixture.Backend.Happens(FlowEvents.Of());
        Assert.StartsWith("<134>1 ", await ReceiveAsync(), StringComparison.Ordinal);

        _fixture.Write("a.yaml", Profile($"syslogEnabled: true, syslogEndpoint: 'udp://127.0.0.1:{Port}', syslogFacility: 17, syslogFormat: BSD"));
        await agent.UntilAsync(status => status.Generation == 2);
        _fixture.Backend.Happens(FlowEvents.Of() with { DestinationKey = 81 });
        Assert.StartsWith("<142>", await ReceiveAsync(), StringComparison.Ordinal);

        _fixture.Write("a.yaml", Profile("syslogEnabled: false"));
        await agent.UntilAsync(status => status.Records.Sinks.All(sink => sink.Name != "syslog"));
    }

    [Fact]
    public async Task The_settings_of_the_agent_go_before()
    {
        _fixture.Write("a.yaml", Profile("syslogEnabled: true, syslogEndpoint: 'udp://127.0.0.1:9'"));
        await using RunningAgent agent = await _fixture.StartAsync("--flow-sinks", "syslog", "--syslog-endpoint", $"udp://127.0.0.1:{Port}");
        _fixture.Backend.Happens(FlowEvents.Of());
        Assert.NotEqual("", await ReceiveAsync());
        Assert.Single((await _fixture.StatusAsync())!.Records.Sinks);
    }

    [Fact]
    public async Task What_is_wrong_with_it_is_said_and_the_policy_is_in_force()
    {
        _fixture.Write("a.yaml", Profile("syslogEnabled: true, syslogEndpoint: 'http://logs.example.org'"));
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal("applied", (await _fixture.StatusAsync())!.Policy.State);
        Assert.Contains("event=1240", agent.Log, StringComparison.Ordinal);
        Assert.Contains("'http://logs.example.org' is no endpoint", agent.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", "", "unix:/dev/log Auto 1")]
    [InlineData("tls://logs.example.org", "ietf", "23", "tls://logs.example.org:6514 Ietf 23")]
    [InlineData("tcp://logs.example.org:1514", "BSD", "0", "tcp://logs.example.org:1514 Bsd 0")]
    [InlineData("logs.example.org", "", "", "no endpoint")]
    [InlineData("", "CEF", "", "no format")]
    [InlineData("", "", "24", "no facility")]
    [InlineData("", "", "user", "no facility")]
    public void Its_words_are_those_of_the_product(string endpoint, string format, string facility, string expected)
    {
        SyslogSettings? settings = ProfileSyslog.Read(new SyslogProfile(endpoint, format, facility, "", "", ""), _fixture.Root, out string? problem);
        Assert.Contains(expected, settings is null ? problem! : $"{settings.Endpoint} {settings.Format} {settings.Facility}", StringComparison.Ordinal);
    }

    [Fact]
    public void Certificates_may_stand_in_the_profile_or_in_files()
    {
        const string Pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        SyslogSettings settings = ProfileSyslog.Read(new SyslogProfile("tls://logs.example.org", "", "", Pem, "/etc/ssl/host.pem", ""), _fixture.Root, out _)!;
        Assert.Equal(Pem, File.ReadAllText(settings.ServerCa!));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(settings.ServerCa!));
        Assert.Equal(("/etc/ssl/host.pem", null), (settings.ClientCertificate, settings.ClientKey));
    }

    private async Task<string> ReceiveAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(RunningAgent.Patience);
        return Encoding.UTF8.GetString((await _server.ReceiveAsync(patience.Token)).Buffer);
    }

    private static string Profile(string syslog) =>
        $$"""
        APIVersion: 1
        label: t
        data:
          enforcerprofiles:
            - { name: here, associatedTags: [profile=here], {{syslog}} }
          enforcerprofilemappingpolicies:
            - { name: here, subject: [[$identity=enforcer]], object: [[profile=here]] }
        """;
}
