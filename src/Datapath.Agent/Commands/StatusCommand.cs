using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath status</c>: what a running agent says of itself.</summary>
internal static class StatusCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Command verb = CommandLine.Verb(
            "status",
            "Show what the agent does; exit 0 when it runs, 3 when it does not, 4 when that cannot be told",
            options.Instance,
            options.Socket,
            options.Json
        );
        verb.SetAction(
            async (parse, cancellation) =>
            {
                string socket = options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath;
                AgentAnswer<StatusDocument> answer = await AgentClient.StatusAsync(socket, cancellation);
                return Print(parse.InvocationConfiguration, answer, options.Json.In(parse));
            }
        );
        return verb;
    }

    private static int Print(InvocationConfiguration console, AgentAnswer<StatusDocument> answer, bool asJson)
    {
        if (answer.Document is not { } status)
        {
            console.Error.WriteLine($"datapath: {answer.Problem}");
            return answer.Reach == AgentReach.NotRunning ? ExitCode.Stopped : ExitCode.Unknown;
        }

        console.Output.Write(
            asJson ? JsonSerializer.Serialize(status, AgentJson.Indented.StatusDocument) + "\n" : StatusText.Render(status)
        );
        return ExitCode.Done;
    }
}
