using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;

namespace Datapath.Shared.Sequences;

/// <summary>
/// A sequence with its policies as a file that people read, and that a test replays: lines <c>key: value</c> about host and options, each
/// policy as an import file under <c>policy:</c>, and steps as <see cref="StepText"/> has them under <c>steps:</c>. A line that begins with
/// <c>#</c> is for people.
/// </summary>
internal static class ScenarioText
{
    private const string Policy = "policy:";
    private const string Steps = "steps:";

    /// <summary>The file of a case.</summary>
    /// <param name="one">The case.</param>
    /// <param name="comment">What it shows; may have several lines.</param>
    public static string Of(SequenceCase one, string comment)
    {
        PolicyCase first = one.Versions[0];
        var text = new StringBuilder();
        foreach (string line in comment.Trim().Split('\n'))
        {
            text.Append($"# {line}".TrimEnd()).Append('\n');
        }
        Head(text, "host", first.Inventory.HostName);
        Head(text, "addresses", string.Join(' ', first.Inventory.Addresses));
        Head(text, "tags", string.Join(' ', first.Inventory.Tags));
        Head(text, "namespace", first.Options.Namespace);
        Head(text, "default", first.Options.RootDefault.ToString());
        Head(text, "failsafe-in", Failsafe(first.Options, Direction.Incoming));
        Head(text, "failsafe-out", Failsafe(first.Options, Direction.Outgoing));
        Head(text, "failsafe-beats-reject", first.Options.FailsafeBeatsReject.ToString());
        foreach (PolicyCase version in one.Versions)
        {
            text.Append(Policy).Append('\n').Append(PolicyLines.Of(version.Written));
        }
        text.Append(Steps).Append('\n');
        text.AppendJoin("", one.Steps.Select(step => StepText.Of(step) + "\n"));
        return text.ToString();
    }

    /// <summary>The case of a file.</summary>
    /// <exception cref="FormatException">Something in it cannot be read.</exception>
    public static SequenceCase Read(string text)
    {
        string[] lines = [.. text.Split('\n').Where(line => line.Length > 0 && line[0] != '#')];
        int steps = System.Array.IndexOf(lines, Steps);
        int firstPolicy = System.Array.IndexOf(lines, Policy);
        if (steps < 0 || firstPolicy < 0)
        {
            throw new FormatException($"a scenario has '{Policy}' and '{Steps}'");
        }
        Dictionary<string, string> head = lines[..firstPolicy].Select(line => line.Split(": ", 2)).ToDictionary(parts => parts[0].TrimEnd(':'), parts => parts.Length > 1 ? parts[1] : "");
        var inventory = new HostInventory(head["host"], [.. Words(head["addresses"]).Select(IPAddress.Parse)], [.. Words(head["tags"])]);
        var options = new PolicyOptions
        {
            Namespace = head["namespace"],
            RootDefault = Enum.Parse<DefaultAction>(head["default"]),
            Failsafe = [.. ReadFailsafe(Direction.Incoming, head["failsafe-in"]), .. ReadFailsafe(Direction.Outgoing, head["failsafe-out"])],
            FailsafeBeatsReject = bool.Parse(head["failsafe-beats-reject"]),
        };
        ImmutableArray<PolicyCase> versions = [.. Policies(lines[firstPolicy..steps]).Select(policy => new PolicyCase(ReadPolicy(policy), inventory, options))];
        return new SequenceCase(versions, [.. lines[(steps + 1)..].Select(StepText.Read)]);
    }

    private static void Head(StringBuilder text, string key, string value) => text.Append($"{key}: {value}".TrimEnd()).Append('\n');

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string Failsafe(PolicyOptions options, Direction direction) => string.Join(' ', options.Failsafe.Where(port => port.Direction == direction));

    private static IEnumerable<FailsafePort> ReadFailsafe(Direction direction, string text) =>
        Words(text).Select(word => FailsafePort.Parse(direction, word)).Select(one => one.Port ?? throw new FormatException(one.Problem));

    private static IEnumerable<string> Policies(string[] lines) =>
        string.Join('\n', lines).Split(Policy + "\n", StringSplitOptions.RemoveEmptyEntries).Select(policy => policy.TrimEnd('\n') + "\n");

    private static WrittenPolicy ReadPolicy(string yaml)
    {
        PolicyReading reading = PolicyReader.Read("policy.yaml", yaml);
        return reading.Diagnostics.IsEmpty
            ? reading.Policy
            : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{string.Join('\n', reading.Diagnostics)}"));
    }
}
