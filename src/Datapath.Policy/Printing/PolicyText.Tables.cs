using System.Collections.Immutable;
using System.Text;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Printing;

public static partial class PolicyText
{
    /// <summary>The tables that a backend installs.</summary>
    /// <param name="policy">A compiled policy.</param>
    public static string Tables(CompiledPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var text = new StringBuilder();
        Line(text, 0, $"peer classes {policy.Peers.ClassCount}");
        foreach (PeerRange<uint> range in policy.Peers.IPv4)
        {
            Line(text, 1, $"{new AddressKey(false, range.First)} class {range.Class}{OwnedBy(range.Unit)}");
        }
        foreach (PeerRange<UInt128> range in policy.Peers.IPv6)
        {
            Line(text, 1, $"{new AddressKey(true, range.First)} class {range.Class}{OwnedBy(range.Unit)}");
        }
        Line(text, 0, $"port classes {policy.Ports.ClassCount}");
        for (int table = 0; table < policy.Ports.Tables.Length; table++)
        {
            IEnumerable<string> runs = policy.Ports.Tables[table].Select(run => $"{Key((PortTable)table, run.First)} class {run.Class}");
            Line(text, 1, $"{Text((PortTable)table)}: {string.Join(", ", runs)}");
        }
        foreach (LocalUnit unit in policy.Units)
        {
            Line(text, 0, $"unit {unit.Number} {unit.Name} of {unit.Namespace}, {Text(unit.Attach)}: policy {unit.Policy}");
        }
        for (int i = 0; i < policy.Policies.Length; i++)
        {
            UnitPolicy one = policy.Policies[i];
            Line(text, 0, $"policy {i}");
            Line(text, 1, $"incoming rows {Runs(one.Incoming)}{(one.IncomingPortsMatter ? ", ports matter" : "")}");
            Line(text, 1, $"outgoing rows {Runs(one.Outgoing)}{(one.OutgoingPortsMatter ? ", ports matter" : "")}");
        }
        for (int i = 0; i < policy.Rows.Length; i++)
        {
            Line(text, 0, $"row {i}: {Runs(policy.Rows[i], policy.Ports.ClassCount)}");
        }
        for (int i = 0; i < policy.Descriptors.Length; i++)
        {
            Line(text, 0, $"descriptor {i}: {Text(policy.Descriptors[i])}{(i == policy.LocalDescriptor ? ", for a unit with itself" : "")}");
        }
        foreach (IndexedRule rule in policy.Rules)
        {
            Line(text, 0, $"rule {rule.Index}: {Identity(rule.Rule)}");
        }
        if (!policy.ExcludedInterfaces.IsEmpty)
        {
            Line(text, 0, $"excluded interfaces {string.Join(' ', policy.ExcludedInterfaces)}");
        }
        return text.ToString();
    }

    /// <summary>A rule's name in one line.</summary>
    /// <param name="rule">The rule.</param>
    public static string Identity(RuleIdentity rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return rule.Kind switch
        {
            RuleKind.Ruleset => $"ruleset {rule.Namespace} {rule.Ruleset} {Text(rule.Direction)} {rule.Position}{Named(rule)}",
            RuleKind.Default => $"default of namespace {rule.Namespace} {Text(rule.Direction)}",
            RuleKind.BuiltIn => $"built-in {rule.Ruleset} {Text(rule.Direction)}",
            RuleKind.Failsafe => $"failsafe {rule.Ruleset} {Text(rule.Direction)}",
            _ => "local",
        };
    }

    /// <summary>A rule's name in one line for a sentence that has said the direction: only rules of rulesets repeat it.</summary>
    /// <param name="rule">The rule.</param>
    public static string Decider(RuleIdentity rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return rule.Kind switch
        {
            RuleKind.Default => $"default of namespace {rule.Namespace}",
            RuleKind.BuiltIn => $"built-in {rule.Ruleset}",
            RuleKind.Failsafe => $"failsafe port {rule.Ruleset}",
            RuleKind.Local => "local, a unit with itself",
            _ => Identity(rule),
        };
    }

    private static string OwnedBy(int unit) => unit == 0 ? "" : $" unit {unit}";

    private static string Text(PortTable table) =>
        table switch
        {
            PortTable.Tcp => "tcp",
            PortTable.Udp => "udp",
            PortTable.Icmp => "icmp",
            PortTable.Icmp6 => "icmp6",
            PortTable.Icmp6OnLink => "icmp6 on link",
            _ => "other",
        };

    private static string Key(PortTable table, ushort key) =>
        table is PortTable.Icmp or PortTable.Icmp6 or PortTable.Icmp6OnLink ? $"{key >> 8}/{key & 0xff}" : $"{key}";

    private static string Text(Descriptor one)
    {
        string observed = one.ObservedRuleIndex == 0 ? "" : $", observed {one.ObservedVerdict} by {one.ObservedRuleIndex}";
        return $"{one.Verdict} by {one.RuleIndex} ({one.Flags}){observed}";
    }

    /// <summary><c>3 4x7</c>: a 3, then four times 7.</summary>
    private static string Runs(ImmutableArray<int> values)
    {
        var text = new StringBuilder();
        for (int i = 0; i < values.Length;)
        {
            int start = i;
            while (i < values.Length && values[i] == values[start])
            {
                i++;
            }
            Run(text, i - start, values[start]);
        }
        return text.ToString();
    }

    /// <summary>The same for a row.</summary>
    private static string Runs(MatrixRow row, int portClasses)
    {
        var text = new StringBuilder();
        for (int i = 0; i < row.Runs.Length; i++)
        {
            int end = i + 1 < row.Runs.Length ? row.Runs[i + 1].First : portClasses;
            Run(text, end - row.Runs[i].First, row.Runs[i].Cell);
        }
        return text.ToString();
    }

    private static void Run(StringBuilder text, int count, int value) =>
        text.Append(text.Length == 0 ? "" : " ").Append(count == 1 ? "" : $"{count}x").Append(value);
}
