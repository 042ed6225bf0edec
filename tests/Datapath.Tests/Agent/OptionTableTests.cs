using System.Collections.Immutable;
using System.CommandLine;
using Datapath.Agent.Commands;
using Datapath.Agent.Configuration;
using Datapath.Backends.Ebpf;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class OptionTableTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Every_variable_is_named_after_its_option()
    {
        foreach (AgentOption option in All(new OptionTable(NoSources())).Where(option => option.Environment is not null))
        {
            Assert.Equal("DATAPATH_" + option.Name[2..].Replace('-', '_').ToUpperInvariant(), option.Environment);
        }
    }

    [Fact]
    public void What_takes_a_value_is_no_boolean()
    {
        // The parser leaves the word behind a boolean to others, unless it is "true" or "false".
        AgentOption[] valued = [.. All(new OptionTable(NoSources())).Where(option => option.ValueName is not null)];
        Assert.NotEmpty(valued);
        Assert.All(valued, option => Assert.NotEqual(typeof(bool), option.Symbol.ValueType));
    }

    [Fact]
    public async Task Help_shows_purpose_variable_and_default_of_every_option_of_run()
    {
        OptionTable table = new(NoSources());
        string help = (await _fixture.CommandAsync("run", "--help")).Output;
        AgentOption[] expected =
        [
            table.Policy,
            table.EnableEbpf,
            table.Instance,
            table.Socket,
            table.StateDirectory,
            table.Namespace,
            table.DefaultAction,
            table.Failsafe,
            table.TcHook,
            table.NoEarlyReject,
            table.Xdp,
            table.MaxTcpFlows,
            table.MaxOtherFlows,
            table.MaxNewFlows,
            table.EbpfImageMemory,
            table.EbpfDigestMemory,
            table.PacketMarkMask,
            table.ConnectionMarkBits,
            table.LogFormat,
            table.FlowInterval,
            table.FlowSinks,
            table.FlowMaxSize,
            table.FlowMaxAge,
            table.SyslogEndpoint,
            table.SyslogFormat,
            table.SyslogFacility,
            table.SyslogServerCa,
            table.SyslogClientCertificate,
            table.SyslogClientKey,
            table.OtlpEndpoint,
            table.OtlpProtocol,
            table.RejectWith,
            table.MetricsListen,
            table.MetricsPerRule,
        ];
        foreach (AgentOption option in expected)
        {
            Assert.Contains(option.Name, help, StringComparison.Ordinal);
            Assert.Contains(option.HelpText, help, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Command_line_beats_environment_beats_default()
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal);
        OptionTable table = new(new OptionSources(name => variables.GetValueOrDefault(name), _fixture.ConfigurationDirectory));
        Command verb = CommandLine.Verb("v", "p", table.DefaultAction, table.EnableEbpf);

        Assert.Equal(DefaultAction.Allow, table.DefaultAction.In(verb.Parse([])));
        Assert.False(table.EnableEbpf.In(verb.Parse([])));
        variables["DATAPATH_DEFAULT_ACTION"] = "reject";
        variables["DATAPATH_ENABLE_EBPF"] = "1";
        Assert.Equal(DefaultAction.Reject, table.DefaultAction.In(verb.Parse([])));
        Assert.True(table.EnableEbpf.In(verb.Parse([])));
        Assert.Equal(DefaultAction.Allow, table.DefaultAction.In(verb.Parse(["--default-action", "allow"])));
        variables["DATAPATH_ENABLE_EBPF"] = "0";
        Assert.True(table.EnableEbpf.In(verb.Parse(["--enable-ebpf"])));
        Assert.False(table.EnableEbpf.In(verb.Parse([])));
    }

    [Fact]
    public async Task A_wrong_variable_is_refused_by_its_name_unless_the_option_is_given()
    {
        _fixture.Variables["DATAPATH_NAMESPACE"] = "no slash";
        string file = _fixture.Write("a.yaml", Policies.Allowing(80));
        CommandResult refused = await _fixture.CommandAsync("check", file);
        Assert.Equal(ExitCode.CouldNot, refused.Exit);
        Assert.StartsWith("datapath: DATAPATH_NAMESPACE: ", refused.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, (await _fixture.CommandAsync("check", "--namespace", "/a", file)).Exit);
    }

    [Fact]
    public void Failsafe_ports_read_back_as_they_are_printed()
    {
        Assert.Equal(FailsafePort.Defaults, Read(OptionText.Of(FailsafePort.Defaults)));
        Assert.Equal("in:tcp/2222@10.0.0.0/8,out:udp/53", OptionText.Of(Read("in:tcp/2222@10.0.0.0/8, out:udp/53")));
        Assert.Empty(Read("none"));
        Assert.NotNull(OptionText.Failsafe("").Problem);
        Assert.NotNull(OptionText.Failsafe("in:tcp/22,none").Problem);

        static ImmutableArray<FailsafePort> Read(string text)
        {
            OptionReading<ImmutableArray<FailsafePort>> reading = OptionText.Failsafe(text);
            Assert.Null(reading.Problem);
            return reading.Value;
        }
    }

    [Fact]
    public void Tc_hooks_are_three_words()
    {
        Assert.Equal(TcHookChoice.Auto, new OptionTable(NoSources()).TcHook.Default);
        Assert.Equal(TcHookChoice.Auto, OptionText.TcHook("auto").Value);
        Assert.Equal(TcHookChoice.Tcx, OptionText.TcHook("tcx").Value);
        Assert.Equal(TcHookChoice.Clsact, OptionText.TcHook("clsact").Value);
        Assert.NotNull(OptionText.TcHook("xdp").Problem);
    }

    [Theory]
    [InlineData("1024", 1024)]
    [InlineData("67108864", 67108864)]
    [InlineData("1023", null)]
    [InlineData("67108865", null)]
    [InlineData("-1024", null)]
    [InlineData("many", null)]
    public void A_limit_of_flows_is_a_number_within_bounds(string text, int? limit)
    {
        OptionReading<int> reading = OptionText.FlowLimit(text);
        Assert.Equal(limit is null, reading.Problem is not null);
        Assert.Equal(limit ?? 0, reading.Value);
    }

    [Theory]
    [InlineData("2", 2)]
    [InlineData("2047", 2047)]
    [InlineData("1", null)]
    [InlineData("2048", null)]
    [InlineData("32M", null)]
    public void Image_memory_is_a_number_of_mebibytes_within_bounds(string text, int? mebibytes)
    {
        OptionReading<int> reading = OptionText.ImageMemory(text);
        Assert.Equal(mebibytes is null, reading.Problem is not null);
        Assert.Equal(mebibytes ?? 0, reading.Value);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("2048", 2048)]
    [InlineData("0", null)]
    [InlineData("2049", null)]
    public void Digest_memory_is_a_number_of_mebibytes_within_bounds(string text, int? mebibytes)
    {
        OptionReading<int> reading = OptionText.DigestMemory(text);
        Assert.Equal(mebibytes is null, reading.Problem is not null);
        Assert.Equal(mebibytes ?? 0, reading.Value);
    }

    [Theory]
    [InlineData("0xffff0000", 0xffff_0000u)]
    [InlineData("0xf", 0xfu)]
    [InlineData("0xffffffff", 0xffff_ffffu)]
    // Too few, none, two runs, no hexadecimal number, too large.
    [InlineData("0x7", null)]
    [InlineData("0x0", null)]
    [InlineData("0xff0f", null)]
    [InlineData("65535", null)]
    [InlineData("0x1ffffffff", null)]
    public void Bits_of_the_packet_mark_are_one_run(string text, uint? mask)
    {
        OptionReading<uint> reading = OptionText.PacketMark(text);
        Assert.Equal(mask is null, reading.Problem is not null);
        Assert.Equal(mask ?? 0, reading.Value);
    }

    [Theory]
    [InlineData("0x70000000", 0x7000_0000u)]
    [InlineData("0x80000005", 0x8000_0005u)]
    [InlineData("0x3", null)]
    [InlineData("0xf", null)]
    [InlineData("0x", null)]
    [InlineData("seven", null)]
    public void Bits_of_the_connection_mark_are_three(string text, uint? mask)
    {
        OptionReading<uint> reading = OptionText.ConnectionMark(text);
        Assert.Equal(mask is null, reading.Problem is not null);
        Assert.Equal(mask ?? 0, reading.Value);
        Assert.Equal(text, mask is { } value ? OptionText.Of(value) : text);
    }

    private static OptionSources NoSources() => new(_ => null, "/nowhere");

    private static AgentOption[] All(OptionTable table) =>
        [
            table.Policy,
            table.EnableEbpf,
            table.Instance,
            table.Socket,
            table.StateDirectory,
            table.Namespace,
            table.DefaultAction,
            table.Failsafe,
            table.TcHook,
            table.NoEarlyReject,
            table.Xdp,
            table.MaxTcpFlows,
            table.MaxOtherFlows,
            table.MaxNewFlows,
            table.EbpfImageMemory,
            table.EbpfDigestMemory,
            table.PacketMarkMask,
            table.ConnectionMarkBits,
            table.FlowInterval,
            table.FlowSinks,
            table.FlowMaxSize,
            table.FlowMaxAge,
            table.SyslogEndpoint,
            table.SyslogFormat,
            table.SyslogFacility,
            table.SyslogServerCa,
            table.SyslogClientCertificate,
            table.SyslogClientKey,
            table.OtlpEndpoint,
            table.OtlpProtocol,
            table.RejectWith,
            table.MetricsListen,
            table.MetricsPerRule,
            table.Json,
            table.All,
            table.DryRun,
            table.Force,
            table.ConfigurationFile,
            table.LogFormat,
        ];
}
