using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads a network ruleset (specification a.2).</summary>
internal static class NetworkRulesetReader
{
    /// <summary>The ruleset; null when it has no usable subject, for then it would be one that selects nothing.</summary>
    public static NetworkRuleset? Read(FieldReader fields)
    {
        TagExpression? subject = TagExpressionReader.Read(fields, "subject");
        string name = ObjectReader.Name(fields);
        string description = ObjectReader.Description(fields);
        string path = NamespacePath.Read(fields);
        ImmutableArray<string> tags = TagReader.AssociatedTags(fields);
        ImmutableArray<string> metadata = TagReader.Metadata(fields);
        ImmutableArray<NetworkRule> incoming = Rules(fields, "incomingRules");
        ImmutableArray<NetworkRule> outgoing = Rules(fields, "outgoingRules");
        (bool propagate, bool fallback, bool disabled) = (fields.Flag("propagate"), fields.Flag("fallback"), fields.Flag("disabled"));
        return subject is null
            ? null
            : new NetworkRuleset
            {
                At = fields.At,
                Name = name,
                Namespace = path,
                Description = description,
                AssociatedTags = tags,
                Metadata = metadata,
                Subject = subject,
                IncomingRules = incoming,
                OutgoingRules = outgoing,
                Propagate = propagate,
                Fallback = fallback,
                Disabled = disabled,
            };
    }

    private static ImmutableArray<NetworkRule> Rules(FieldReader fields, string name)
    {
        ImmutableArray<MappingNode> nodes = fields.Mappings(name);
        ImmutableArray<NetworkRule>.Builder rules = ImmutableArray.CreateBuilder<NetworkRule>(nodes.Length);
        Dictionary<string, SourceSpan> seen = new(StringComparer.Ordinal);
        foreach (MappingNode node in nodes)
        {
            if (NetworkRuleReader.Read(node, fields.Sink) is not { } rule)
            {
                continue;
            }

            rules.Add(rule);
            string canonical = Canonical(rule);
            if (!seen.TryAdd(canonical, rule.At))
            {
                fields.Sink.Report(
                    PolicyDiagnostics.RuleTwice,
                    rule.At,
                    $"this rule of {Quoted.Value(name)} says the same as the one at line {seen[canonical].Line}, column {seen[canonical].Column}"
                );
            }
        }

        return rules.ToImmutable();
    }

    /// <summary>What makes rules equal: action, object and ports, in any order; not the name and not how they report.</summary>
    private static string Canonical(NetworkRule rule)
    {
        string ports = string.Join(' ', rule.ProtocolPorts.Select(static port => port.Text).Order(StringComparer.Ordinal));
        return $"{rule.Action}\u0002{TagExpressionReader.Canonical(rule.Object)}\u0002{ports}";
    }
}
