using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath top</c>: the busiest flows and rules, drawn again and again.</summary>
internal static class TopCommand
{
    // Home, and erase each line as it is drawn over: nothing flickers, and any terminal behind ssh can do it.
    private const string Home = "\e[H";
    private const string EraseLine = "\e[K";
    private const string EraseBelow = "\e[J";
    private const int UsualHeight = 40;

    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="clock">Times the rounds.</param>
    public static Command Create(OptionTable options, TimeProvider clock)
    {
        Command verb = CommandLine.Verb(
            "top",
            "Show the busiest flows and rules, until interrupted",
            options.Interval,
            options.Count,
            options.Json,
            options.Instance,
            options.Socket
        );
        verb.SetAction((parse, cancellation) => RunAsync(parse, options, clock, cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(ParseResult parse, OptionTable options, TimeProvider clock, CancellationToken cancellation)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        bool isTerminal = ReferenceEquals(console.Output, Console.Out) && !Console.IsOutputRedirected;
        string socket = options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath;
        int count = options.Count.In(parse) is var asked && asked == 0 && (!isTerminal || options.Json.In(parse)) ? 1 : asked;
        TopDocument? before = null;
        try
        {
            // The first look is only what the second is compared with.
            for (int round = 0; count == 0 || round <= count; round++)
            {
                AgentAnswer<TopDocument> answer = await AgentClient.TopAsync(socket, cancellation);
                if (answer.Document is not { } now)
                {
                    await console.Error.WriteLineAsync($"datapath: {answer.Problem}");
                    return ExitCode.CouldNot;
                }

                if (options.Json.In(parse))
                {
                    console.Output.Write(JsonSerializer.Serialize(now, AgentJson.Indented.TopDocument) + "\n");
                    round++;
                }
                else if (before is not null)
                {
                    Draw(console.Output, TopText.Render(before, now, isTerminal ? Math.Max(12, Console.WindowHeight - 1) : UsualHeight), isTerminal);
                }

                before = now;
                if (count == 0 || round < count)
                {
                    await Task.Delay(options.Interval.In(parse), clock, cancellation);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Interrupted: the usual end.
        }

        return ExitCode.Done;
    }

    private static void Draw(TextWriter output, string table, bool isTerminal)
    {
        output.Write(isTerminal ? Home + table.Replace("\n", EraseLine + "\n", StringComparison.Ordinal) + EraseBelow : table);
        output.Flush();
    }
}
