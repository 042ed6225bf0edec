using System.Globalization;
using System.Text;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Printing;

/// <summary>A policy after each stage, as text that is equal for equal policies: for goldens and for people.</summary>
public static partial class PolicyText
{
    /// <summary>What the written objects mean.</summary>
    /// <param name="policy">A resolved policy.</param>
    public static string Resolved(ResolvedPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        var text = new StringBuilder();
        foreach (ResolvedNamespace space in policy.Namespaces)
        {
            Line(text, 0, $"namespace {space.Path}: incoming {Text(space.Incoming)}, outgoing {Text(space.Outgoing)}");
            Line(text, 1, $"prefixes {string.Join(' ', space.TagPrefixes)}");
        }
        if (policy.Profile is { } profile)
        {
            Line(text, 0, $"profile {profile.Name} of {profile.Namespace}");
            Line(text, 1, $"excluded networks [{Entries(profile.ExcludedNetworks)}], interfaces [{string.Join(' ', profile.ExcludedInterfaces)}]");
        }
        string rank = policy.FailsafeBeatsReject ? "before Reject" : "before the default";
        Line(text, 0, $"failsafe {rank}: {string.Join(' ', policy.Failsafe.Select(port => $"{Text(port.Direction)} {port}"))}".TrimEnd());
        for (int i = 0; i < policy.Networks.Length; i++)
        {
            ResolvedNetwork network = policy.Networks[i];
            Line(text, 0, $"network {i} {network.Name} of {network.Namespace}{(network.Propagate ? ", propagated" : "")}: {Entries(network.Entries)}");
            Line(text, 1, $"tags {string.Join(", ", network.Tags)}");
        }
        for (int i = 0; i < policy.Units.Length; i++)
        {
            Unit(text, i, policy.Units[i]);
        }
        for (int i = 0; i < policy.Rulesets.Length; i++)
        {
            Ruleset(text, i, policy);
        }
        foreach (InactiveRuleset ruleset in policy.Inactive)
        {
            Line(text, 0, $"inactive ruleset {ruleset.Name} of {ruleset.Namespace}: {ruleset.Reason}");
        }
        return text.ToString();
    }

    private static void Unit(StringBuilder text, int number, ResolvedUnit unit)
    {
        Line(text, 0, $"unit {number} {unit.Name} of {unit.Namespace}, {Text(unit.Attach)}{(unit.IsIgnored ? ", ignored" : "")}");
        Line(text, 1, $"tags {string.Join(", ", unit.Tags)}");
        Line(text, 1, $"addresses {string.Join(' ', unit.Addresses.Select(one => one.IsManaged ? $"{one.Key}" : $"{one.Key} (unmanaged)"))}".TrimEnd());
        Line(text, 1, $"rulesets {string.Join(' ', unit.Rulesets)}".TrimEnd());
    }

    private static void Ruleset(StringBuilder text, int number, ResolvedPolicy policy)
    {
        ResolvedRuleset ruleset = policy.Rulesets[number];
        string kind = (ruleset.Propagate ? ", propagated" : "") + (ruleset.IsFallback ? ", fallback" : "");
        Line(text, 0, $"ruleset {number} {ruleset.Name} of {ruleset.Namespace}{kind}");
        foreach (ResolvedRule rule in ruleset.Incoming.Concat(ruleset.Outgoing))
        {
            PeerSet peers = policy.Peers[rule.Peers];
            string ports = rule.ProtocolPorts.IsEmpty ? "any" : string.Join(' ', rule.ProtocolPorts.Select(port => port.Text));
            string notes = (rule.IsObserving ? ", observing" : "") + (rule.IsLogged ? "" : ", not logged");
            Line(
                text,
                1,
                $"{Text(rule.Identity.Direction)} {rule.Identity.Position} {rule.Action} units [{string.Join(' ', peers.Units)}] networks [{string.Join(' ', peers.Networks)}] {ports}{notes}{Named(rule.Identity)}"
            );
        }
    }

    private static string Named(RuleIdentity rule) => rule.RuleName.Length == 0 ? "" : $" '{rule.RuleName}'";

    private static string Text(ResolvedDefault one) => $"{one.Verdict} by {one.SetBy}";

    private static string Text(Direction direction) => direction == Direction.Incoming ? "in" : "out";

    private static string Text(Attachment attach) =>
        attach.Kind switch
        {
            AttachmentKind.Host => "the host",
            AttachmentKind.Interface => $"interface {attach.Target}",
            AttachmentKind.Cgroup => $"cgroup {attach.Target}",
            _ => "elsewhere",
        };

    private static string Entries(IEnumerable<NetworkEntry> entries) => string.Join(' ', entries.Select(entry => entry.Text));

    private static void Line(StringBuilder text, int level, string line) =>
        text.Append(' ', 2 * level).Append(CultureInfo.InvariantCulture, $"{line}").Append('\n');
}
