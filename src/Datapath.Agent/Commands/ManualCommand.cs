using System.CommandLine;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath manual</c>: the manual page, for hosts where it is not installed.</summary>
internal static class ManualCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Command verb = CommandLine.Verb("manual", "Print the manual page for man, such as: man -l <(datapath manual)");
        verb.SetAction(parse =>
        {
            parse.InvocationConfiguration.Output.Write(ManualPage.Render(ProgramDescription.Of((RootCommand)parse.RootCommandResult.Command)));
            return ExitCode.Done;
        });
        return verb;
    }
}
