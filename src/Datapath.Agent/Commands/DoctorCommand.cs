using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Backends.Selection;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath doctor</c>: whether this host has what a backend needs, and what mends it where it has not. Changes nothing.</summary>
internal static class DoctorCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="parts">The look at the host.</param>
    public static Command Create(OptionTable options, AgentParts parts)
    {
        Command verb = CommandLine.Verb(
            "doctor",
            "Say what this host has of what is needed, and what mends the rest; exit 0 when the asked backend can enforce, 1 when not, 2 when that cannot be told",
            options.EnableEbpf,
            options.Json
        );
        verb.SetAction(parse =>
        {
            HostSurvey host = parts.Survey(true);
            BackendSelection choice = BackendSelector.Select(options.EnableEbpf.In(parse), host.Requirements, BackendSelector.Built);
            parse.InvocationConfiguration.Output.Write(
                options.Json.In(parse)
                    ? JsonSerializer.Serialize(DoctorDocument.Of(host, choice), AgentJson.Indented.DoctorDocument) + "\n"
                    : DoctorText.Render(host, choice)
            );
            return Outcome(choice);
        });
        return verb;
    }

    // Another backend in its place is a no all the same: who asked for eBPF asked whether there will be eBPF.
    private static int Outcome(BackendSelection choice) =>
        choice.Chosen != choice.Asked ? ExitCode.No
        : choice.NotKnown.IsEmpty ? ExitCode.Done
        : ExitCode.CouldNot;
}
