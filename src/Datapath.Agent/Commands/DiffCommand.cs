using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Policy.Comparison;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath diff</c>: which connections two policies judge differently.</summary>
internal static class DiffCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Argument<string> before = new("A") { Description = "Policy file, or directory of them, as it was" };
        Argument<string> after = new("B") { Description = "Policy file, or directory of them, as it would be" };
        Command verb = CommandLine.Verb(
            "diff",
            "Say which connections change their verdict from policy A to B; exit 0 none, 1 some, 2 cannot tell",
            options.Full,
            options.Namespace,
            options.DefaultAction,
            options.Failsafe,
            options.Json
        );
        verb.Add(before);
        verb.Add(after);
        verb.SetAction(
            (parse, cancellation) =>
            {
                Compared compared = new(parse.GetRequiredValue(before), parse.GetRequiredValue(after));
                return CompareAsync(parse, compared, options, cancellation);
            }
        );
        return verb;
    }

    private static async Task<int> CompareAsync(ParseResult parse, Compared compared, OptionTable options, CancellationToken cancellation)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        PolicyOptions policy = CheckCommand.PolicyOptionsOf(parse, options);
        PolicyInput? before = await PolicyInput.ReadAsync(console, compared.Before, policy, cancellation);
        PolicyInput? after = await PolicyInput.ReadAsync(console, compared.After, policy, cancellation);
        if (before is null || after is null)
        {
            return ExitCode.CouldNot;
        }

        PolicyDifference difference = PolicyComparison.Compare(before.Resolved, after.Resolved);
        if (!difference.Problems.IsEmpty)
        {
            await console.Error.WriteAsync(DiagnosticText.Render(difference.Problems));
            return ExitCode.CouldNot;
        }

        DiffDocuments documents = new(
            new RulePlaces(before.Written, before.Resolved),
            new RulePlaces(after.Written, after.Resolved),
            Owners(after.Resolved, before.Resolved)
        );
        DiffDocument document = documents.Of(compared.Before, compared.After, difference);
        await console.Output.WriteAsync(
            options.Json.In(parse)
                ? JsonSerializer.Serialize(document, AgentJson.Indented.DiffDocument) + "\n"
                : DiffText.Render(document, options.Full.In(parse))
        );
        return document.Differs ? ExitCode.No : ExitCode.Done;
    }

    private static Dictionary<AddressKey, string> Owners(params ReadOnlySpan<ResolvedPolicy> policies)
    {
        Dictionary<AddressKey, string> owners = [];
        foreach (ResolvedPolicy policy in policies)
        {
            foreach (ResolvedUnit unit in policy.Units)
            {
                foreach (UnitAddress address in unit.Addresses)
                {
                    owners.TryAdd(address.Key, unit.Name);
                }
            }
        }

        return owners;
    }

    private sealed record Compared(string Before, string After);
}
