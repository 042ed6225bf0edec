using System.Text;
using Datapath.Policy.Rulesets;

namespace Datapath.Tests.Support;

/// <summary>A policy in few lines, for the message of a failing test.</summary>
internal static class WrittenText
{
    public static string Of(PolicyCase one)
    {
        var text = new StringBuilder();
        text.AppendLine($"options: namespace {one.Options.Namespace}, root {one.Options.RootDefault}, failsafe [{string.Join(' ', one.Options.Failsafe)}], beats reject {one.Options.FailsafeBeatsReject}");
        text.AppendLine($"host: {one.Inventory.HostName} [{string.Join(' ', one.Inventory.Addresses)}] [{string.Join(' ', one.Inventory.Tags)}]");
        foreach (NamespaceDefinition space in one.Written.Namespaces)
        {
            text.AppendLine($"namespace {space.Name}: in {space.DefaultIncoming}, out {space.DefaultOutgoing}, prefixes [{string.Join(' ', space.TagPrefixes)}], org [{string.Join(' ', space.OrganizationalMetadata)}]");
        }
        foreach (ExternalNetwork network in one.Written.ExternalNetworks)
        {
            text.AppendLine($"network {network.Name} in '{network.Namespace}' propagate {network.Propagate} archived {network.Archived} [{string.Join(' ', network.AssociatedTags)}]: {Entries(network.Entries)}");
        }
        foreach (ProcessingUnit unit in one.Written.ProcessingUnits)
        {
            text.AppendLine($"unit {unit.Name} in '{unit.Namespace}' {unit.Attach.Kind} archived {unit.Archived} [{string.Join(' ', unit.AssociatedTags)}]: {string.Join(' ', unit.Addresses)}");
        }
        foreach (EnforcerProfile profile in one.Written.EnforcerProfiles)
        {
            text.AppendLine($"profile: excluded {Entries(profile.ExcludedNetworks)}, target {Entries(profile.TargetNetworks)}, ignore {(profile.IgnoreExpression is { } ignored ? Tags(ignored) : "nothing")}, syslog {profile.Syslog}");
        }
        foreach (NetworkRuleset ruleset in one.Written.Rulesets)
        {
            text.AppendLine($"ruleset {ruleset.Name} in '{ruleset.Namespace}' propagate {ruleset.Propagate} fallback {ruleset.Fallback} disabled {ruleset.Disabled}: {Tags(ruleset.Subject)}");
            Rules(text, "in", ruleset.IncomingRules);
            Rules(text, "out", ruleset.OutgoingRules);
        }
        return text.ToString();
    }

    private static void Rules(StringBuilder text, string direction, IEnumerable<NetworkRule> rules)
    {
        foreach (NetworkRule rule in rules)
        {
            string flags = (rule.ObservationEnabled ? " observing" : "") + (rule.LogsDisabled ? " unlogged" : "");
            text.AppendLine($"  {direction} {rule.Action}{flags} {Tags(rule.Object)} : {string.Join(' ', rule.ProtocolPorts.Select(port => port.Text))}");
        }
    }

    private static string Entries(IEnumerable<NetworkEntry> entries) => $"[{string.Join(' ', entries.Select(entry => entry.Text))}]";

    private static string Tags(TagExpression expression) => string.Join(" | ", expression.Clauses.Select(clause => string.Join(" & ", clause)));
}
