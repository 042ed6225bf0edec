using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;
using Datapath.Policy.Diagnostics;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath apply</c>, <c>confirm</c>, <c>rollback</c>, <c>pause</c>, <c>resume</c>: orders to a running agent.</summary>
internal static class OrderCommand
{
    /// <summary>The verb that puts files in force.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command CreateApply(OptionTable options)
    {
        Argument<string> path = new("FILE|DIR") { Description = "The policy: a file, or a directory whose files are one policy" };
        Command verb = CommandLine.Verb(
            "apply",
            "Make files the content of the agent's policy directory, and wait until they are in force; exit 1 when they are refused",
            options.ConfirmWithin,
            options.Instance,
            options.Socket,
            options.Json
        );
        verb.Add(path);
        verb.SetAction(
            (parse, cancellation) =>
            {
                string absolute = Path.GetFullPath(parse.GetRequiredValue(path));
                string time = options.ConfirmWithin.In(parse) is { } within ? "&" + Seconds(within) : "";
                return GiveAsync(parse, options, $"apply?path={Uri.EscapeDataString(absolute)}{time}", cancellation);
            }
        );
        return verb;
    }

    /// <summary>The verb that keeps a policy on trial.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command CreateConfirm(OptionTable options) =>
        CreatePlain(options, "confirm", "Keep the policy that is on trial since `apply --confirm-within`; exit 1 when it is too late");

    /// <summary>The verb that goes back.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command CreateRollback(OptionTable options) =>
        CreatePlain(options, "rollback", "Go back to the policy before the one on trial, or before the one confirmed last");

    /// <summary>The verb that lets everything pass.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command CreatePause(OptionTable options)
    {
        Command verb = CommandLine.Verb(
            "pause",
            "Let everything pass, counted, for a time; the kernel ends it by itself",
            options.PauseFor,
            options.Instance,
            options.Socket,
            options.Json
        );
        verb.SetAction((parse, cancellation) => GiveAsync(parse, options, $"pause?{Seconds(options.PauseFor.In(parse))}", cancellation));
        return verb;
    }

    /// <summary>The verb that ends a pause.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command CreateResume(OptionTable options) => CreatePlain(options, "resume", "End a pause before its time");

    private static Command CreatePlain(OptionTable options, string name, string purpose)
    {
        Command verb = CommandLine.Verb(name, purpose, options.Instance, options.Socket, options.Json);
        verb.SetAction((parse, cancellation) => GiveAsync(parse, options, name, cancellation));
        return verb;
    }

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"seconds={(long)time.TotalSeconds}");

    private static async Task<int> GiveAsync(ParseResult parse, OptionTable options, string order, CancellationToken cancellation)
    {
        string socket = options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath;
        InvocationConfiguration console = parse.InvocationConfiguration;
        AgentAnswer<OrderDocument> answer = await AgentClient.OrderAsync(socket, order, cancellation);
        if (answer.Document is not { } outcome)
        {
            await console.Error.WriteLineAsync($"datapath: {answer.Problem}");
            return ExitCode.CouldNot;
        }

        bool isDone = outcome.End == OrderWord.Done;
        if (options.Json.In(parse))
        {
            await console.Output.WriteLineAsync(JsonSerializer.Serialize(outcome, AgentJson.Indented.OrderDocument));
        }
        else
        {
            await console.Error.WriteAsync(string.Concat(outcome.Diagnostics.Select(Text)));
            await (isDone ? console.Output : console.Error).WriteLineAsync(isDone ? outcome.Message : $"datapath: {outcome.Message}");
        }

        return isDone ? ExitCode.Done : outcome.End == OrderWord.Refused ? ExitCode.No : ExitCode.CouldNot;
    }

    private static string Text(DiagnosticDocument one)
    {
        string help = one.Help is null ? "" : $"    help: {one.Help}\n";
        return $"{new SourceSpan(one.File, one.Line, one.Column)}: {one.Severity} {one.Code}: {one.Message}\n{help}";
    }
}
