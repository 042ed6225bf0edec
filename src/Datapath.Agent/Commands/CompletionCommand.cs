using System.CommandLine;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath completion</c>: scripts that teach shells our commands and options.</summary>
internal static class CompletionCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Argument<string> shell = new("bash|zsh|fish") { Description = "Which shell" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        Command verb = CommandLine.Verb("completion", "Print the completion script of a shell, such as: source <(datapath completion bash)");
        verb.Add(shell);
        verb.SetAction(parse =>
        {
            var program = ProgramDescription.Of((RootCommand)parse.RootCommandResult.Command);
            parse.InvocationConfiguration.Output.Write(
                parse.GetRequiredValue(shell) switch
                {
                    "bash" => BashCompletion.Render(program),
                    "zsh" => ZshCompletion.Render(program),
                    _ => FishCompletion.Render(program),
                }
            );
            return ExitCode.Done;
        });
        return verb;
    }
}
