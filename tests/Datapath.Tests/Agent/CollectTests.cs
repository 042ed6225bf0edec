using System.Formats.Tar;
using System.IO.Compression;
using Datapath.Agent.Collecting;
using Datapath.Agent.Commands;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class CollectTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData("tls://logs.example.org:6514", "tls://logs.example.org:6514")]
    [InlineData("http://ann:hunter2@otlp.example.org:4318/x", "http://(left out)@otlp.example.org:4318/x")]
    [InlineData("OTEL_EXPORTER_OTLP_HEADERS=api-key=abc,x=y\nNEXT=1", "OTEL_EXPORTER_OTLP_HEADERS=(left out)\nNEXT=1")]
    [InlineData("  \"Authorization\": \"Bearer abc\", \"port\": 1", "  \"Authorization\": (left out), \"port\": 1")]
    [InlineData("db_password: hunter2\nname: db", "db_password: (left out)\nname: db")]
    [InlineData("-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\nrest", "(left out)\nrest")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nMHc, and cut off", "(left out)")]
    [InlineData("DATAPATH_SYSLOG_CLIENT_KEY=/etc/datapath/key.pem", "DATAPATH_SYSLOG_CLIENT_KEY=/etc/datapath/key.pem")]
    [InlineData("drop reason: missing-token of 3 packets", "drop reason: missing-token of 3 packets")]
    public void Secrets_are_left_out_and_nothing_else(string text, string expected) => Assert.Equal(expected, Secrets.LeftOut(text));

    [Fact]
    public async Task What_an_agent_left_is_collected_when_none_runs_and_what_is_missing_is_named()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        _fixture.Configure("DATAPATH_OTLP_ENDPOINT=http://ann:hunter2@otlp.example.org:4318");
        await using (await _fixture.StartAsync()) { }

        string file = Path.Combine(_fixture.Root, "support.tar.gz");
        string[] collect = ["collect", "--into", file, "--socket", _fixture.SocketPath, "--state-dir", _fixture.StateDirectory];
        CommandResult result = await _fixture.CommandAsync(collect);
        Assert.Equal((0, file + "\n", ""), (result.Exit, result.Output, result.Error));
        Dictionary<string, string> parts = Read(file);
        Assert.Contains("agent/status.json: left out: no agent listens on", parts["manifest.txt"], StringComparison.Ordinal);
        Assert.Contains("\"change\":\"apply\"", parts["state/audit.log"], StringComparison.Ordinal);
        Assert.Contains("web-80", string.Concat(parts.Where(part => part.Key.EndsWith("/a.yaml", StringComparison.Ordinal)).Select(part => part.Value)), StringComparison.Ordinal);
        Assert.Contains("\"requirements\"", parts["doctor.json"], StringComparison.Ordinal);
        Assert.DoesNotContain(parts.Values, text => text.Contains("hunter2", StringComparison.Ordinal));
        Assert.Contains("(left out)@otlp.example.org", parts["config.json"], StringComparison.Ordinal);

        // A file that is there is nobody's to overwrite.
        Assert.Equal(ExitCode.CouldNot, (await _fixture.CommandAsync(collect)).Exit);
        string second = Path.Combine(_fixture.Root, "second.tar.gz");
        CommandResult packets = await _fixture.CommandAsync(["collect", "--into", second, "--pcap", "host", "--socket", _fixture.SocketPath, "--state-dir", _fixture.StateDirectory]);
        Assert.Equal(ExitCode.No, packets.Exit);
        Assert.Contains("no packets: no agent listens on", packets.Error, StringComparison.Ordinal);
        Assert.Contains("doctor.json", Read(second).Keys);
    }

    private static Dictionary<string, string> Read(string path)
    {
        using GZipStream file = new(File.OpenRead(path), CompressionMode.Decompress);
        using TarReader archive = new(file);
        Dictionary<string, string> parts = new(StringComparer.Ordinal);
        while (archive.GetNextEntry(copyData: true) is { } entry)
        {
            using StreamReader text = new(entry.DataStream ?? Stream.Null);
            parts.Add(entry.Name[(entry.Name.IndexOf('/', StringComparison.Ordinal) + 1)..], text.ReadToEnd());
        }

        return parts;
    }
}
