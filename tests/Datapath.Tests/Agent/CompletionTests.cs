using Datapath.Agent.Commands;
using Datapath.Interop.Processes;
using Datapath.Tests.Agent.Support;
using Xunit;
using CommandResult = Datapath.Tests.Agent.Support.CommandResult;
using Ended = Datapath.Interop.Processes.CommandResult;

namespace Datapath.Tests.Agent;

/// <summary>The completion scripts, asked by the shells themselves.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    public static TheoryData<string, string[]> Questions =>
        new()
        {
            { "stat", ["status"] },
            { "un", ["uninstall"] },
            { "run --enable", ["--enable-ebpf"] },
            { "run --tc-hook ", ["auto", "clsact", "tcx"] },
            { "run --tc-hook cl", ["clsact"] },
            { "completion ", ["bash", "fish", "zsh"] },
            { "purge --a", ["--all"] },
            { "status --co", ["--config"] },
            { "check pol", ["policy"] },
            { "run --policy pol", ["policy"] },
            { "status --policy", [] },
        };

    [Theory, MemberData(nameof(Questions))]
    public async Task Bash_completes(string line, string[] expected)
    {
        string script = await ScriptAsync("bash");
        string ask = $"""
            cd '{_fixture.Root}' && source '{script}' || exit 9
            COMP_LINE='datapath {line}'; COMP_POINT=$((${"{#COMP_LINE}"}))
            read -ra COMP_WORDS <<<"$COMP_LINE"; [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${"{#COMP_WORDS[@]}"} - 1))
            _datapath; printf '%s\n' "${"{COMPREPLY[@]}"}"
            """;
        Assert.Equal(expected, Sorted(await RunAsync("bash", "--norc", "-c", ask)));
    }

    [Theory, MemberData(nameof(Questions))]
    public async Task Fish_completes(string line, string[] expected)
    {
        string script = await ScriptAsync("fish");
        string text = await RunAsync("fish", "--no-config", "-c", $"cd '{_fixture.Root}'; source '{script}'; complete -C 'datapath {line}'");
        // A description stands behind a tab; directories end in a slash.
        Assert.Equal(expected, Sorted(string.Join('\n', text.Split('\n').Select(answer => answer.Split('\t')[0].TrimEnd('/')))));
    }

    [Theory, MemberData(nameof(Questions))]
    public async Task Zsh_completes(string line, string[] expected)
    {
        string script = await ScriptAsync("zsh");
        // compadd, the command that each completion ends in, is asked what it would add.
        string ask = $$"""
            cd '{{_fixture.Root}}' && fpath=('{{Path.GetDirectoryName(script)}}' $fpath)
            autoload -Uz compinit && compinit -D -u
            autoload -Uz _datapath
            compadd() {
                local -a found
                builtin compadd -A found "$@"
                (( $#found )) && print -rl -- $found >>'{{_fixture.Root}}/answers'
                builtin compadd "$@"
            }
            show() { zle complete-word; print done >>'{{_fixture.Root}}/done'; exit }
            zle -N show
            bindkey '^I' show
            """;
        File.WriteAllText(Path.Combine(_fixture.Root, "ask"), ask);
        string terminal = $$"""
            zmodload zsh/zpty
            zpty inner zsh -f -i
            zpty -w inner "source '{{_fixture.Root}}/ask'"
            zpty -w -n inner 'datapath {{line}}'$'\t'
            for attempt in {1..600}; do [[ -e '{{_fixture.Root}}/done' ]] && break; sleep 0.1; done
            zpty -d inner
            [[ -e '{{_fixture.Root}}/done' ]]
            """;
        await RunAsync("zsh", "-f", "-c", terminal);
        string answers = Path.Combine(_fixture.Root, "answers");
        Assert.Equal(expected, Sorted(File.Exists(answers) ? File.ReadAllText(answers) : "").Distinct(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task Every_verb_and_every_option_is_in_the_script(string shell)
    {
        string script = File.ReadAllText(await ScriptAsync(shell));
        var program = ProgramDescription.Of(CommandLine.Root(_fixture.Parts));
        Assert.NotEmpty(program.Verbs);
        foreach (VerbDescription verb in program.Verbs)
        {
            Assert.Contains(verb.Name, script, StringComparison.Ordinal);
            Assert.All(verb.Options, option => Assert.Contains(shell == "fish" ? $"-l {option.Name[2..]} " : option.Name, script, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Other_shells_are_refused() => Assert.Equal(ExitCode.CouldNot, (await _fixture.CommandAsync("completion", "tcsh")).Exit);

    private static IEnumerable<string> Sorted(string answers) => answers.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal);

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        Ended result = await CommandRunner.RunAsync(program, arguments, timeout: TimeSpan.FromMinutes(2), cancellation: TestContext.Current.CancellationToken);
        Assert.True(result.ExitCode == 0, $"{program} ended with {result.ExitCode}: {result.StandardError}{result.StandardOutput}");
        Assert.Equal("", result.StandardError);
        return result.StandardOutput;
    }

    private async Task<string> ScriptAsync(string shell)
    {
        CommandResult result = await _fixture.CommandAsync("completion", shell);
        Assert.Equal((ExitCode.Done, ""), (result.Exit, result.Error));
        string path = Path.Combine(_fixture.Root, "scripts", shell == "zsh" ? "_datapath" : $"datapath.{shell}");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, result.Output);
        return path;
    }
}
