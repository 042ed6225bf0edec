using System.Text;
using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>The commands that only look at policies, on recorded cases: what they print and how they end.</summary>
public sealed class PolicyCommandTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public static TheoryData<string> ExplainCases => Corpus.Cases("explain");

    public static TheoryData<string> DiffCases => Corpus.Cases("diff");

    public static TheoryData<string> CompileCases => Corpus.Cases("compile");

    public void Dispose() => _fixture.Dispose();

    [Theory, MemberData(nameof(ExplainCases))]
    public async Task Explains_as_recorded(string name)
    {
        StringBuilder answers = new();
        foreach (string line in await File.ReadAllLinesAsync(Corpus.PathOf("explain", name, "questions.txt"), TestContext.Current.CancellationToken))
        {
            if (!line.StartsWith('#'))
            {
                string[] asked = line.Split(" | ");
                string[] more = asked.Length > 3 ? asked[3].Split(' ') : [];
                string[] arguments = ["explain", "--policy", Corpus.PathOf("explain", name, "."), "--from", asked[0], "--to", asked[1], asked[2], .. more];
                answers.Append($"## {line}\n{await RunAsync(arguments)}\n");
            }
        }

        Golden.AssertMatches(Corpus.PathOf("explain", name, "explained.txt"), answers.ToString().TrimEnd('\n') + "\n");
    }

    [Theory, MemberData(nameof(DiffCases))]
    public async Task Compares_as_recorded(string name)
    {
        string[] files = [Corpus.PathOf("diff", name, "before.yaml"), Corpus.PathOf("diff", name, "after.yaml")];
        Golden.AssertMatches(Corpus.PathOf("diff", name, "diff.txt"), await RunAsync(["diff", .. files]));
        Golden.AssertMatches(Corpus.PathOf("diff", name, "diff.json.txt"), await RunAsync(["diff", "--json", .. files]));
        Assert.Equal(ExitCode.Done, (await _fixture.CommandAsync("diff", files[0], files[0])).Exit);
    }

    [Theory, MemberData(nameof(CompileCases))]
    public async Task Compiles_as_recorded(string name)
    {
        string policy = Corpus.PathOf("compile", name, ".");
        Golden.AssertMatches(Corpus.PathOf("compile", name, "compiled.txt"), await RunAsync(["compile", "--policy", policy]));
        CommandResult json = await _fixture.CommandAsync("compile", "--json", "--policy", policy);
        using JsonDocument document = JsonDocument.Parse(json.Output);
        JsonElement image = document.RootElement.GetProperty("image");
        long[] parts = [.. image.EnumerateObject().Where(one => one.Name != "bytes").Select(one => one.Value.GetInt64())];
        Assert.All(parts, bytes => Assert.True(bytes > 0, image.ToString()));
        Assert.Equal(image.GetProperty("bytes").GetInt64(), parts.Sum());
    }

    [Fact]
    public async Task A_policy_with_errors_is_no_answer()
    {
        string broken = _fixture.Write("a.yaml", Policies.Broken);
        string sound = Corpus.PathOf("diff", "same", "before.yaml");
        foreach (string[] arguments in (string[][])[["compile", "--policy", broken], ["diff", sound, broken], ["explain", "--policy", broken, "--from", "host", "--to", "10.0.0.1", "tcp/1"]])
        {
            CommandResult result = await _fixture.CommandAsync(arguments);
            Assert.Equal(ExitCode.CouldNot, result.Exit);
            Assert.Empty(result.Output);
            Assert.Contains("error DP1", result.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_files_the_running_agent_explains_by_what_it_enforces()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        string[] question = ["explain", "--socket", _fixture.SocketPath, "--from", "192.0.2.77", "--to", "192.0.2.1", "tcp/22"];
        CommandResult nobody = await _fixture.CommandAsync(question);
        Assert.Equal(ExitCode.CouldNot, nobody.Exit);
        Assert.Contains("no agent listens", nobody.Error, StringComparison.Ordinal);

        await using RunningAgent agent = await _fixture.StartAsync("--default-action", "reject");
        CommandResult allowed = await _fixture.CommandAsync(question);
        Assert.Equal(ExitCode.Done, allowed.Exit);
        Assert.Contains("allow by failsafe port tcp/22", allowed.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.No, (await _fixture.CommandAsync([.. question[..^1], "tcp/23"])).Exit);
        CommandResult json = await _fixture.CommandAsync([.. question, "--json"]);
        using JsonDocument document = JsonDocument.Parse(json.Output);
        Assert.Equal("allowed", document.RootElement.GetProperty("verdict").GetString());
        CommandResult unknown = await _fixture.CommandAsync([.. question[..^1], "tcp"]);
        Assert.Equal(ExitCode.CouldNot, unknown.Exit);
        Assert.Contains("needs a port", unknown.Error, StringComparison.Ordinal);
    }

    /// <summary>What a command prints and its exit code, with paths that mean the same on every machine.</summary>
    private async Task<string> RunAsync(string[] arguments)
    {
        CommandResult result = await _fixture.CommandAsync(arguments);
        Assert.Equal(result, await _fixture.CommandAsync(arguments));
        string root = Repository.PathOf("tests", "corpus") + "/";
        return (result.Output + result.Error).Replace(root, "", StringComparison.Ordinal).Replace("/./", "/", StringComparison.Ordinal) + $"exit {result.Exit}\n";
    }
}
