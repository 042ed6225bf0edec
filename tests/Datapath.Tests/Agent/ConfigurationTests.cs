using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class ConfigurationTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task Flag_beats_environment_beats_file_beats_default_and_config_says_which()
    {
        string file = _fixture.Configure("# a comment", "", "DATAPATH_NAMESPACE=/file", "DATAPATH_TC_HOOK = \"tcx\"", "DATAPATH_FAILSAFE='none'", "DATAPATH_STATE_DIR=");
        _fixture.Variables["DATAPATH_TC_HOOK"] = "clsact";
        _fixture.Variables["DATAPATH_FAILSAFE"] = "in:tcp/22";
        JsonElement settings = await SettingsAsync("--failsafe", "out:udp/53");
        Assert.Equal(("/file", "file", $"{file}:3"), Row("--namespace"));
        Assert.Equal(("clsact", "environment", "DATAPATH_TC_HOOK"), Row("--tc-hook"));
        Assert.Equal(("out:udp/53", "flag", "--failsafe"), Row("--failsafe"));
        Assert.Equal(("allow", "default", null), Row("--default-action"));
        Assert.Equal(("/var/lib/datapath/default", "default", null), Row("--state-dir"));
        Assert.Equal(((string?)null, "default", (string?)null), Row("--policy"));

        (string?, string?, string?) Row(string option)
        {
            JsonElement row = settings.EnumerateArray().Single(one => one.GetProperty("option").ValueEquals(option));
            return (row.GetProperty("value").GetString(), row.GetProperty("origin").GetString(), row.GetProperty("place").GetString());
        }
    }

    [Fact]
    public async Task Config_is_a_table_for_people()
    {
        string file = _fixture.Configure("DATAPATH_POLICY=/p");
        string text = (await _fixture.CommandAsync("config", "--instance", "default")).Output;
        Assert.StartsWith($"file {file}: read\n\nsetting ", text, StringComparison.Ordinal);
        Assert.Matches($"\n--policy +/p +file: {file}:1\n", text);
        Assert.Matches("\n--instance +default +flag: --instance\n", text);
        Assert.Matches("\n--default-action +allow +default\n", text);
    }

    [Fact]
    public async Task The_file_says_what_a_policy_means_to_check()
    {
        string policy = _fixture.Write("a.yaml", Policies.Allowing(80));
        _fixture.Configure("DATAPATH_NAMESPACE=relative");
        CommandResult refused = await _fixture.CommandAsync("check", policy);
        Assert.Equal(ExitCode.CouldNot, refused.Exit);
        Assert.Contains("datapath.conf:1: DATAPATH_NAMESPACE: 'relative' is not an absolute namespace", refused.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, (await _fixture.CommandAsync("check", "--namespace", "/", policy)).Exit);
    }

    [Theory]
    [InlineData("DATAPATH_POLICY", ":1: 'DATAPATH_POLICY' is not KEY=value")]
    [InlineData("DATAPATH_POLICI=/p", ":1: there is no setting 'DATAPATH_POLICI': DATAPATH_POLICY is meant?")]
    [InlineData("COLOUR=red", ":1: there is no setting 'COLOUR'\n")]
    [InlineData("DATAPATH_INSTANCE=a", ":1: there is no setting 'DATAPATH_INSTANCE'")]
    [InlineData("DATAPATH_POLICY=/p\nDATAPATH_POLICY=/q", ":2: DATAPATH_POLICY is set at ")]
    public async Task A_wrong_file_is_refused_once_with_its_line(string text, string expected)
    {
        _fixture.Configure(text.Split('\n'));
        CommandResult refused = await _fixture.CommandAsync("status");
        Assert.Equal(ExitCode.CouldNot, refused.Exit);
        Assert.Contains(expected, refused.Error, StringComparison.Ordinal);
        Assert.Equal(2, refused.Error.Count(c => c == '\n'));
    }

    [Fact]
    public async Task A_wrong_file_stops_nobody_from_purging()
    {
        _fixture.Configure("nonsense");
        Assert.Equal(ExitCode.Done, (await _fixture.CommandAsync("purge", "--dry-run")).Exit);
        Assert.Equal(ExitCode.Done, (await _fixture.CommandAsync("version")).Exit);
    }

    [Fact]
    public async Task The_instance_chooses_the_file_unless_one_is_named_and_a_named_one_must_be_there()
    {
        string file = _fixture.Configure("DATAPATH_NAMESPACE=/default");
        File.WriteAllText(Path.Combine(_fixture.ConfigurationDirectory, "b.conf"), "DATAPATH_NAMESPACE=/b\n");
        Assert.Contains(" /b ", (await _fixture.CommandAsync("config", "--instance", "b")).Output, StringComparison.Ordinal);
        Assert.Contains(" /default ", (await _fixture.CommandAsync("--config", file, "config", "--instance", "b")).Output, StringComparison.Ordinal);
        _fixture.Variables["DATAPATH_CONFIG"] = file;
        Assert.Contains(" /default ", (await _fixture.CommandAsync("config", "--instance", "b")).Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.CouldNot, (await _fixture.CommandAsync("config", "--config", "/nowhere/at.all")).Exit);
    }

    private async Task<JsonElement> SettingsAsync(params string[] more)
    {
        CommandResult result = await _fixture.CommandAsync(["config", "--json", .. more]);
        Assert.Equal("", result.Error);
        return JsonDocument.Parse(result.Output).RootElement.GetProperty("settings");
    }
}
