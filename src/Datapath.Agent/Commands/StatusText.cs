using System.Text;
using Datapath.Agent.Documents;
using Datapath.Agent.Files;
using Datapath.Policy.Diagnostics;

namespace Datapath.Agent.Commands;

/// <summary>The status of an agent as a person reads it. Equal states give equal bytes.</summary>
internal static class StatusText
{
    private const int TablesOfLine = 4;

    /// <summary>A block of facts, then the units, then what is wrong with the policy files.</summary>
    /// <param name="status">The agent's answer.</param>
    public static string Render(StatusDocument status)
    {
        StringBuilder text = new();
        foreach ((string name, string value) in Facts(status))
        {
            text.Append(name.PadRight(12)).Append(value).Append('\n');
        }

        if (!status.Units.IsEmpty)
        {
            TextTable units = new(["number", "unit", "namespace", "attached to"], rightAligned: [0]);
            foreach (UnitDocument unit in status.Units)
            {
                units.Add([$"{unit.Number}", unit.Name, unit.Namespace, Places(unit)]);
            }

            text.Append('\n').Append(units.Render());
        }

        if (!status.Policy.Diagnostics.IsEmpty)
        {
            text.Append('\n');
            foreach (DiagnosticDocument one in status.Policy.Diagnostics)
            {
                SourceSpan at = new(one.File, one.Line, one.Column);
                text.Append($"{at}: {one.Severity} {one.Code}: {one.Message}\n");
                text.Append(one.Help is null ? "" : $"    help: {one.Help}\n");
            }
        }

        return text.ToString();
    }

    private static IEnumerable<(string Name, string Value)> Facts(StatusDocument status)
    {
        PolicyDocument policy = status.Policy;
        yield return ("instance", status.Instance);
        yield return ("version", status.Version);
        yield return ("backend", status.BackendReason.Length == 0 ? status.Backend : $"{status.Backend}: {status.BackendReason}");
        yield return ("state", status.State);
        yield return ("generation", Generation(status));
        yield return ("policy", $"{policy.State}: {policy.Directory}, {policy.Files.Length} {(policy.Files.Length == 1 ? "file" : "files")}");
        if (policy.Problem is { } problem)
        {
            yield return ("problem", problem);
        }

        foreach (string warning in status.Warnings)
        {
            yield return ("warning", warning);
        }

        if (status.RolledBack is { } hash)
        {
            yield return ("rolled back", $"policy {hash[..PolicySet.ShortHashLength]}: not applied until it changes, or `datapath apply`");
        }

        yield return ("rules", status.Inactive.IsEmpty ? $"{status.Rules}" : $"{status.Rules}; not in force are {status.Inactive.Length} of the rulesets");
        foreach (InactiveRulesetDocument one in status.Inactive)
        {
            yield return ("inactive", $"{one.Ruleset} of {one.Namespace} ({one.File}:{one.Line}): {one.Reason}");
        }

        if (status.Memory.AvailableBytes > 0)
        {
            yield return ("memory", $"{status.Memory.UsedBytes} of {status.Memory.AvailableBytes} bytes");
        }

        if (status.Memory.RowForm is { } form)
        {
            yield return ("rows", $"{form}, {status.Memory.RowBytes} bytes");
        }

        if (!status.Tables.IsEmpty)
        {
            yield return ("tables", string.Join(", ", status.Tables.Select(table => $"{table.Name} {table.Entries} of {table.Limit}")));
        }

        foreach ((string name, string value) in FlowFacts(status.Flows))
        {
            yield return (name, value);
        }

        yield return ("events", $"{status.Events.Received} received, {status.Events.LostInKernel} lost in the kernel, {status.Events.Lost} by slow listeners, {status.Events.Listeners} listeners");
        yield return ("records", $"{status.Records.Made} made, {status.Records.Dropped} events dropped, {status.Records.Flows} flows counted");
        foreach (SinkDocument sink in status.Records.Sinks)
        {
            string trouble = sink.Problem is null ? "" : $"; does not work: {sink.Problem}";
            yield return ($"sink {sink.Name}", $"{sink.Delivered} delivered, {sink.Dropped} dropped{trouble}");
        }
    }

    private static IEnumerable<(string Name, string Value)> FlowFacts(FlowsDocument flows)
    {
        string[] tables = [.. flows.Tables.Select(table => $"{table.Name} {table.Entries} of {table.Limit}")];
        for (int i = 0; i < tables.Length; i += TablesOfLine)
        {
            yield return (i == 0 ? "flows" : "", string.Join(", ", tables.Skip(i).Take(TablesOfLine)));
        }

        if (flows.NotRecorded > 0 || flows.NotPromoted > 0)
        {
            yield return (tables.Length == 0 ? "flows" : "", $"{flows.NotRecorded} not recorded, {flows.NotPromoted} times no room for a proved one");
        }
    }

    private static string Generation(StatusDocument status) =>
        status.Lease switch
        {
            { Kind: LeaseWord.Trial, SecondsLeft: var left } => $"{status.Generation}, on trial: the policy before comes back in {left} s unless confirmed",
            { SecondsLeft: var left } => $"{status.Generation}, paused: everything passes for {left} s",
            null => status.Confirmed ? $"{status.Generation}, confirmed" : $"{status.Generation}",
        };

    private static string Places(UnitDocument unit)
    {
        string places = string.Join(", ", unit.AttachedTo.Select(place => $"{place.Interface} ({place.Hooks})"));
        return (places, unit.NotEnforced) switch
        {
            (_, null) => places.Length == 0 ? "-" : places,
            ("", { } reason) => $"not enforced: {reason}",
            var (some, reason) => $"{some}; not enforced: {reason}",
        };
    }
}
