using Datapath.Agent.Commands;
using Datapath.Interop.Processes;
using Datapath.Tests.Agent.Support;
using Datapath.Tests.Support;
using Xunit;
using CommandResult = Datapath.Tests.Agent.Support.CommandResult;
using Ended = Datapath.Interop.Processes.CommandResult;

namespace Datapath.Tests.Agent;

public sealed class ManualTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task Man_and_mandoc_have_no_complaint()
    {
        string page = Path.Combine(_fixture.Root, "datapath.8");
        await File.WriteAllTextAsync(page, await PageAsync(), TestContext.Current.CancellationToken);
        Ended man = await CommandRunner.RunAsync("man", ["--warnings", "-l", page], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((0, ""), (man.ExitCode, man.StandardError));
        Assert.StartsWith("DATAPATH(8)", man.StandardOutput, StringComparison.Ordinal);
        Ended mandoc = await CommandRunner.RunAsync("mandoc", ["-T", "lint", "-W", "warning", page], cancellation: TestContext.Current.CancellationToken);
        // A date it has none: two builds of one revision are the same.
        string[] complaints = mandoc.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.EndsWith(":1:16: WARNING: missing date, using \"\": TH", Assert.Single(complaints), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_page_has_every_verb_option_variable_and_exit_code()
    {
        string page = (await PageAsync()).Replace(@"\-", "-", StringComparison.Ordinal);
        var program = ProgramDescription.Of(CommandLine.Root(_fixture.Parts));
        foreach (VerbDescription verb in program.Verbs)
        {
            Assert.Contains($"\n.SS {verb.Name}", page, StringComparison.Ordinal);
            Assert.All(verb.Options, option => Assert.Contains($@"\fB{option.Name}\fR", page, StringComparison.Ordinal));
            Assert.All(verb.Options.Where(option => option.Environment is not null), option => Assert.Contains($"[env: {option.Environment}]", page, StringComparison.Ordinal));
        }

        Assert.All(Enumerable.Range(0, 5), code => Assert.Contains($"\n.TP\n\\fB{code}\\fR\n", page, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_readme_shows_the_options_of_run_as_its_help_does()
    {
        string help = (await _fixture.CommandAsync("run", "--help")).Output;
        string options = help[(help.IndexOf("Options:\n", StringComparison.Ordinal) + "Options:\n".Length)..].TrimEnd();
        string lines = string.Join('\n', options.Split('\n').Select(line => line.TrimEnd()));
        Assert.Contains($"\n{lines}\n", await File.ReadAllTextAsync(Repository.PathOf("README.md"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private async Task<string> PageAsync()
    {
        CommandResult result = await _fixture.CommandAsync("manual");
        Assert.Equal((ExitCode.Done, ""), (result.Exit, result.Error));
        return result.Output;
    }
}
