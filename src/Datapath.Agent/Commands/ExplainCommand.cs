using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;
using Datapath.Policy.Explanation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath explain</c>: whether a connection passes, who decides, and what is missing when it does not.</summary>
internal static class ExplainCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Argument<string> port = new("PORT") { Description = "The port, such as tcp/443, icmp/8/0 or gre" };
        Command verb = CommandLine.Verb(
            "explain",
            "Say whether a connection passes and why; exit 0 allowed, 1 denied, 2 cannot tell. Without --policy the running agent is asked",
            options.From,
            options.To,
            options.PolicyInstead,
            options.Instance,
            options.Socket,
            options.Namespace,
            options.DefaultAction,
            options.Failsafe,
            options.Json
        );
        verb.Add(port);
        verb.SetAction(
            async (parse, cancellation) =>
            {
                Asked asked = new(options.From.In(parse), options.To.In(parse), parse.GetRequiredValue(port));
                ExplainDocument? answer = options.PolicyInstead.In(parse) is { } path
                    ? await FromFilesAsync(parse, asked, path, CheckCommand.PolicyOptionsOf(parse, options), cancellation)
                    : await FromAgentAsync(parse, asked, options, cancellation);
                return answer is null ? ExitCode.CouldNot : Print(parse.InvocationConfiguration, answer, options.Json.In(parse));
            }
        );
        return verb;
    }

    private static async Task<ExplainDocument?> FromFilesAsync(
        ParseResult parse,
        Asked asked,
        string path,
        PolicyOptions policy,
        CancellationToken cancellation
    )
    {
        PolicyInput? input = await PolicyInput.ReadAsync(parse.InvocationConfiguration, path, policy, cancellation);
        if (input is null)
        {
            return null;
        }

        PolicyExplanation explanation = new PolicyExplainer(input.Written, HostInventory.Unknown, policy).Explain(asked.From, asked.To, asked.Port);
        return ExplainDocument.Of(asked.From, asked.To, asked.Port, explanation);
    }

    private static async Task<ExplainDocument?> FromAgentAsync(ParseResult parse, Asked asked, OptionTable options, CancellationToken cancellation)
    {
        string socket = options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath;
        AgentAnswer<ExplainDocument> answer = await AgentClient.ExplainAsync(socket, asked.From, asked.To, asked.Port, cancellation);
        if (answer.Document is null)
        {
            await parse.InvocationConfiguration.Error.WriteLineAsync($"datapath: {answer.Problem}");
        }

        return answer.Document;
    }

    private static int Print(InvocationConfiguration console, ExplainDocument answer, bool asJson)
    {
        if (asJson)
        {
            console.Output.WriteLine(JsonSerializer.Serialize(answer, AgentJson.Indented.ExplainDocument));
        }
        else if (answer.Problem is { } problem)
        {
            console.Error.WriteLine($"datapath: {problem}");
        }
        else
        {
            console.Output.Write(ExplainText.Render(answer));
        }

        return answer.Verdict switch
        {
            Wording.Allowed => ExitCode.Done,
            Wording.Denied => ExitCode.No,
            _ => ExitCode.CouldNot,
        };
    }

    private sealed record Asked(string From, string To, string Port);
}
