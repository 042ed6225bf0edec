using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class CommandLineTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData("", 2)]
    [InlineData("fly", 2)]
    [InlineData("version --fly", 2)]
    [InlineData("version extra", 2)]
    [InlineData("version", 0)]
    [InlineData("version --json", 0)]
    [InlineData("--version", 0)]
    [InlineData("--help", 0)]
    [InlineData("run --help", 0)]
    [InlineData("run", 2)]
    [InlineData("run --policy", 2)]
    [InlineData("run --policy /x --instance UPPER", 2)]
    [InlineData("run --policy /x --namespace relative", 2)]
    [InlineData("run --policy /x --default-action maybe", 2)]
    [InlineData("run --policy /x --failsafe tcp/22", 2)]
    [InlineData("run --policy /x --failsafe in:tcp/99999", 2)]
    [InlineData("check", 2)]
    [InlineData("compile", 2)]
    [InlineData("diff /nowhere/a", 2)]
    [InlineData("diff /nowhere/a /nowhere/b", 2)]
    [InlineData("explain --from a tcp/1", 2)]
    [InlineData("explain --from a --to b", 2)]
    [InlineData("explain --from a --to b --socket /nowhere/at.all tcp/1", 2)]
    [InlineData("status --socket /nowhere/at.all", 3)]
    [InlineData("doctor", 0)]
    [InlineData("doctor --enable-ebpf", 0)]
    [InlineData("doctor extra", 2)]
    [InlineData("purge --all --instance a", 2)]
    public async Task Exit_codes_are_as_documented(string line, int expected)
    {
        CommandResult result = await _fixture.CommandAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.True(expected == result.Exit, $"expected {expected}, got {result.Exit}: {result.Output}{result.Error}");
    }

    [Fact]
    public async Task Wrong_usage_is_explained_on_stderr_and_prints_no_data()
    {
        CommandResult result = await _fixture.CommandAsync("run", "--policy", "/x", "--instance", "UPPER");
        Assert.Empty(result.Output);
        Assert.Equal(
            "datapath: --instance: 'UPPER' is not a name: 1 to 20 characters of a-z, 0-9 and -\nTry 'datapath run --help'.\n",
            result.Error
        );
    }

    [Fact]
    public async Task Version_is_one_line_and_json_on_request()
    {
        Assert.Matches("^datapath [0-9]+[.][0-9]+[.][0-9]+\n$", (await _fixture.CommandAsync("version")).Output);
        string json = (await _fixture.CommandAsync("version", "--json")).Output;
        Assert.Contains("\"version\":", json, StringComparison.Ordinal);
    }
}
