using System.CommandLine;
using Datapath.Agent.Hosting;
using Datapath.Agent.Records;
using Datapath.Flows;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath flows</c>: what was recorded, and what is.</summary>
internal static class FlowsCommand
{
    private static readonly TimeSpan UsualSpan = TimeSpan.FromHours(1);

    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="clock">What durations count back from.</param>
    public static Command Create(OptionTable options, TimeProvider clock)
    {
        Command verb = CommandLine.Verb(
            "flows",
            "Show flow records: who talked to whom, and which rule decided; of the last hour, or as asked",
            options.Follow,
            options.Since,
            options.Until,
            options.Unit,
            options.Address,
            options.Port,
            options.Action,
            options.Ruleset,
            options.Output,
            options.Instance,
            options.Socket
        );
        verb.SetAction((parse, cancellation) => RunAsync(parse, options, clock, cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(ParseResult parse, OptionTable options, TimeProvider clock, CancellationToken cancellation)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        FlowQuestion question = new()
        {
            Unit = options.Unit.In(parse),
            Address = options.Address.In(parse),
            Port = options.Port.In(parse),
            Action = options.Action.In(parse),
            Ruleset = options.Ruleset.In(parse),
        };
        FlowFilter.Parse(question, out string? problem);
        DateTimeOffset now = clock.GetUtcNow();
        (DateTimeOffset? since, DateTimeOffset? until) = (options.Since.In(parse)?.From(now), options.Until.In(parse)?.From(now));
        bool isFollowing = options.Follow.In(parse);
        problem ??= isFollowing && until is not null ? "--follow has no end: leave out --until" : null;
        problem ??= since > (until ?? now) ? "--since is later than --until" : null;
        if (problem is not null)
        {
            await console.Error.WriteLineAsync($"datapath: {problem}");
            return ExitCode.CouldNot;
        }

        FlowPrinter printer = new(console.Output, options.Output.In(parse));
        string? refusal = await AgentClient.LinesAsync(
            options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath,
            Query(question, isFollowing ? since : since ?? (until ?? now) - UsualSpan, until, isFollowing),
            printer.Begin,
            line => Print(printer, console.Output, line, isFollowing),
            cancellation
        );
        await console.Output.FlushAsync(CancellationToken.None);
        refusal ??= isFollowing && !cancellation.IsCancellationRequested ? "the agent has ended" : null;
        if (refusal is null)
        {
            return ExitCode.Done;
        }

        await console.Error.WriteLineAsync($"datapath: {refusal}");
        return ExitCode.CouldNot;
    }

    private static void Print(FlowPrinter printer, TextWriter output, string line, bool isFollowing)
    {
        printer.Print(line);
        if (isFollowing)
        {
            output.Flush();
        }
    }

    private static string Query(FlowQuestion question, DateTimeOffset? since, DateTimeOffset? until, bool isFollowing)
    {
        IEnumerable<(string Name, string? Text)> texts =
        [
            .. question.Texts,
            ("since", since is { } from ? FlowTimeText.Of(from) : null),
            ("until", until is { } to ? FlowTimeText.Of(to) : null),
            ("follow", isFollowing ? "1" : null),
        ];
        return "/v1/flows?" + string.Join('&', texts.Where(one => one.Text is not null).Select(one => $"{one.Name}={Uri.EscapeDataString(one.Text!)}"));
    }
}
