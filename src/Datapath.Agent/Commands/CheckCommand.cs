using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Files;
using Datapath.Agent.Loops;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Lint;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath check</c>: whether files are a policy, without touching anything.</summary>
internal static class CheckCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Argument<string[]> paths = new("FILE|DIR")
        {
            Description = "Policy files, or directories of them, which together are one policy",
            Arity = ArgumentArity.OneOrMore,
        };
        Command verb = CommandLine.Verb(
            "check",
            "Say everything that is wrong or doubtful in policy files; exit 0 without errors, 1 with errors",
            options.Json,
            options.Namespace,
            options.DefaultAction,
            options.Failsafe
        );
        verb.Add(paths);
        verb.SetAction(
            (parse, cancellation) =>
            {
                PolicyOptions policy = PolicyOptionsOf(parse, options);
                return CheckAsync(parse, parse.GetRequiredValue(paths), policy, options.Json.In(parse), cancellation);
            }
        );
        return verb;
    }

    /// <summary>The options that bear on the meaning of a policy; <c>run</c> has the same.</summary>
    /// <param name="parse">A command line without errors.</param>
    /// <param name="options">Every option there is.</param>
    public static PolicyOptions PolicyOptionsOf(ParseResult parse, OptionTable options) =>
        new()
        {
            Namespace = options.Namespace.In(parse),
            RootDefault = options.DefaultAction.In(parse),
            Failsafe = options.Failsafe.In(parse),
        };

    private static async Task<int> CheckAsync(
        ParseResult parse,
        string[] paths,
        PolicyOptions options,
        bool asJson,
        CancellationToken cancellation
    )
    {
        PolicySource source = await PolicyFileReader.ReadNamedAsync(paths, cancellation);

        // Not this host: a file is checked where it is written, and must mean the same wherever that is.
        PolicyReading reading = PolicyBuild.Read(source);
        PolicyBuild build = PolicyBuild.Of(reading, HostInventory.Unknown, options, RuleIndexes.Empty);
        if (build.ErrorCount == 0)
        {
            ImmutableArray<Diagnostic> doubtful = PolicyLint.Check(reading.Policy, HostInventory.Unknown, options);
            build = build with { Diagnostics = [.. build.Diagnostics, .. doubtful] };
        }

        CheckDocument answer = Document(source, build);
        await parse.InvocationConfiguration.Error.WriteAsync(DiagnosticText.Render(build.Diagnostics));
        await parse.InvocationConfiguration.Output.WriteLineAsync(
            asJson ? JsonSerializer.Serialize(answer, AgentJson.Indented.CheckDocument) : Summary(answer)
        );
        return answer.Errors == 0 ? ExitCode.Done : ExitCode.No;
    }

    private static CheckDocument Document(PolicySource source, PolicyBuild build) =>
        new(
            [.. source.Files.Select(file => file.Name)],
            build.ErrorCount,
            build.Diagnostics.Length - build.ErrorCount,
            [.. build.Diagnostics.Select(DiagnosticDocument.Of)],
            build.Policy is { } policy
                ? new CheckedPolicyDocument(policy.Rules.Length, policy.Units.Length, policy.Peers.ClassCount, policy.Ports.ClassCount)
                : null
        );

    private static string Summary(CheckDocument answer)
    {
        string found = $"{Count(answer.Files.Length, "file")}, {Count(answer.Errors, "error")}, {Count(answer.Warnings, "warning")}";
        return answer.Policy is { } policy
            ? $"{found}: {Count(policy.Rules, "rule")}, {Count(policy.Units, "unit")} of this host, "
                + $"{policy.PeerClasses} peer classes, {policy.PortClasses} port classes"
            : $"{found}: refused";
    }

    private static string Count(int number, string noun) => number == 1 ? $"1 {noun}" : $"{number} {noun}s";
}
