using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath netstat</c>: the live connections of the units of this host.</summary>
internal static class NetstatCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Argument<string?> unit = new("PU")
        {
            Description = "Name of the processing unit: web, /shop/web or host; all of this host when it is left out",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Command verb = CommandLine.Verb(
            "netstat",
            "Show the live connections that the kernel remembers, and the rule that lets each be; exit 1 when there is no such processing unit",
            options.Limit,
            options.Json,
            options.Instance,
            options.Socket
        );
        verb.Add(unit);
        verb.SetAction((parse, cancellation) => RunAsync(parse, options, parse.GetValue(unit), cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(ParseResult parse, OptionTable options, string? unit, CancellationToken cancellation)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        string socket = options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath;
        AgentAnswer<ConnectionsDocument> answer = await AgentClient.ConnectionsAsync(socket, unit, options.Limit.In(parse), cancellation);
        if (answer.Document is not { } connections)
        {
            await console.Error.WriteLineAsync($"datapath: {answer.Problem}");
            return answer.IsAbsent ? ExitCode.No : ExitCode.CouldNot;
        }

        await console.Output.WriteAsync(
            options.Json.In(parse) ? JsonSerializer.Serialize(connections, AgentJson.Indented.ConnectionsDocument) + "\n" : NetstatText.Render(connections)
        );
        return ExitCode.Done;
    }
}
