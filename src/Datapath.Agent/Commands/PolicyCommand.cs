using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath policy export</c>: the files of the policy that a running agent enforces, or that it starts with.</summary>
internal static class PolicyCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Argument<string> what = new("export") { Description = "What to do with it: write it out" };
        what.AcceptOnlyFromAmong("export");
        Command verb = CommandLine.Verb(
            "policy",
            "Write out the policy that packets are judged by, or that is confirmed; exit 1 when there is none",
            options.Confirmed,
            options.Into,
            options.Instance,
            options.Socket,
            options.Json
        );
        verb.Add(what);
        verb.SetAction((parse, cancellation) => RunAsync(parse, options, cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(ParseResult parse, OptionTable options, CancellationToken cancellation)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        string which = options.Confirmed.In(parse) ? PolicyFilesDocument.ConfirmedPolicy : PolicyFilesDocument.ActivePolicy;
        string socket = options.Socket.In(parse) ?? options.Instance.In(parse).DefaultSocketPath;
        AgentAnswer<PolicyFilesDocument> answer = await AgentClient.PolicyAsync(socket, which, cancellation);
        if (answer.Document is not { } policy)
        {
            await console.Error.WriteLineAsync($"datapath: {(answer.IsAbsent ? $"there is no {which} policy" : answer.Problem)}");
            return answer.IsAbsent ? ExitCode.No : ExitCode.CouldNot;
        }

        if (options.Into.In(parse) is { } directory)
        {
            return await WriteAsync(policy, directory, console);
        }

        await console.Output.WriteAsync(
            options.Json.In(parse) ? JsonSerializer.Serialize(policy, AgentJson.Indented.PolicyFilesDocument) + "\n" : Text(policy)
        );
        return ExitCode.Done;
    }

    // YAML documents one after the other, which `check` reads again. JSON is YAML, too.
    private static string Text(PolicyFilesDocument policy) =>
        $"# {policy.Which} policy {policy.Hash}\n"
        + string.Concat(policy.Files.Select(file => $"---\n# {file.Name}\n{file.Text}{(file.Text.EndsWith('\n') || file.Text.Length == 0 ? "" : "\n")}"));

    private static async Task<int> WriteAsync(PolicyFilesDocument policy, string directory, InvocationConfiguration console)
    {
        try
        {
            Directory.CreateDirectory(directory);
            foreach (PolicyFileDocument file in policy.Files)
            {
                // The agent names files without directories; nobody else gets to name one of ours.
                string path = Path.Combine(directory, Path.GetFileName(file.Name));
                await File.WriteAllTextAsync(path, file.Text);
                await console.Output.WriteLineAsync(path);
            }

            return ExitCode.Done;
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            await console.Error.WriteLineAsync($"datapath: {refusal.Message}");
            return ExitCode.CouldNot;
        }
    }
}
