using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Shared.Sequences;

/// <summary>A policy as an import file with one object on a line: YAML in its flow style, which is JSON.</summary>
internal static class PolicyLines
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The lines, two blanks deep.</summary>
    public static string Of(WrittenPolicy written)
    {
        var text = new StringBuilder("APIVersion: 1\nlabel: scenario\ndata:\n");
        Add(text, "namespaces", written.Namespaces.Select(Namespace));
        // The reader refuses a network without entries, which is nobody's.
        Add(text, "externalnetworks", written.ExternalNetworks.Where(one => !one.Entries.IsEmpty).Select(Network));
        Add(text, "processingunits", written.ProcessingUnits.Select(Unit));
        Add(text, "enforcerprofiles", written.EnforcerProfiles.Select(Profile));
        Add(text, "enforcerprofilemappingpolicies", written.EnforcerProfileMappings.Select(Mapping));
        Add(text, "networkrulesetpolicies", written.Rulesets.Select(Ruleset));
        return text.ToString();
    }

    private static void Add(StringBuilder text, string kind, IEnumerable<JsonObject> objects)
    {
        string[] lines = [.. objects.Select(one => one.ToJsonString(Readable))];
        if (lines.Length > 0)
        {
            text.Append($"  {kind}:\n");
            text.AppendJoin("", lines.Select(line => $"    - {line}\n"));
        }
    }

    private static JsonObject Common(WrittenObject one)
    {
        var common = new JsonObject { ["name"] = one.Name };
        if (one.Namespace.Length > 0)
        {
            common["namespace"] = one.Namespace;
        }
        Put(common, "associatedTags", one.AssociatedTags);
        Put(common, "metadata", one.Metadata);
        return common;
    }

    private static void Put(JsonObject one, string field, IReadOnlyCollection<string> values)
    {
        if (values.Count > 0)
        {
            one[field] = Texts(values);
        }
    }

    private static void Put(JsonObject one, string field, bool value)
    {
        if (value)
        {
            one[field] = true;
        }
    }

    private static JsonArray Texts(IEnumerable<string> values) => [.. values.Select(value => (JsonNode)value)];

    // The reader refuses what is said twice, and what stands beside "any"; a random policy says both.
    private static JsonArray Tags(TagExpression expression) =>
        [.. expression.Clauses.DistinctBy(clause => string.Join(' ', clause.Order(StringComparer.Ordinal))).Select(clause => (JsonNode)Texts(clause))];

    private static string[] Ports(NetworkRule rule) => rule.ProtocolPorts.Any(port => port.Text == "any") ? ["any"] : [.. rule.ProtocolPorts.Select(port => port.Text).Distinct()];

    private static JsonArray Entries(IEnumerable<NetworkEntry> entries) => Texts(entries.Select(entry => entry.Text));

    private static JsonObject Namespace(NamespaceDefinition one)
    {
        JsonObject text = Common(one);
        text["defaultPUIncomingTrafficAction"] = one.DefaultIncoming.ToString();
        text["defaultPUOutgoingTrafficAction"] = one.DefaultOutgoing.ToString();
        Put(text, "tagPrefixes", one.TagPrefixes);
        Put(text, "organizationalMetadata", one.OrganizationalMetadata);
        return text;
    }

    private static JsonObject Network(ExternalNetwork one)
    {
        JsonObject text = Common(one);
        text["entries"] = Entries(one.Entries);
        Put(text, "propagate", one.Propagate);
        Put(text, "archived", one.Archived);
        return text;
    }

    private static JsonObject Unit(ProcessingUnit one)
    {
        JsonObject text = Common(one);
        Put(text, "addresses", [.. one.Addresses.Select(address => address.ToString())]);
        Put(text, "archived", one.Archived);
        if (one.Attach.Kind != AttachmentKind.None)
        {
            JsonNode target = one.Attach.Kind == AttachmentKind.Host ? true : one.Attach.Kind == AttachmentKind.Cgroup ? $"/{one.Attach.Target.TrimStart('/')}" : one.Attach.Target;
            text["attach"] = new JsonObject { [one.Attach.Kind.ToString().ToLowerInvariant()] = target };
        }
        return text;
    }

    private static JsonObject Profile(EnforcerProfile one)
    {
        JsonObject text = Common(one);
        text["excludedNetworks"] = Entries(one.ExcludedNetworks);
        text["targetNetworks"] = Entries(one.TargetNetworks);
        if (one.IgnoreExpression is { } ignored)
        {
            text["ignoreExpression"] = Tags(ignored);
        }
        Put(text, "propagate", one.Propagate);
        return text;
    }

    private static JsonObject Mapping(EnforcerProfileMapping one)
    {
        JsonObject text = Common(one);
        text["subject"] = Tags(one.Subject);
        text["object"] = Tags(one.Object);
        Put(text, "propagate", one.Propagate);
        Put(text, "fallback", one.Fallback);
        Put(text, "disabled", one.Disabled);
        return text;
    }

    private static JsonObject Ruleset(NetworkRuleset one)
    {
        JsonObject text = Common(one);
        text["subject"] = Tags(one.Subject);
        Put(text, "propagate", one.Propagate);
        Put(text, "fallback", one.Fallback);
        Put(text, "disabled", one.Disabled);
        text["incomingRules"] = new JsonArray([.. one.IncomingRules.Select(Rule)]);
        text["outgoingRules"] = new JsonArray([.. one.OutgoingRules.Select(Rule)]);
        return text;
    }

    private static JsonObject Rule(NetworkRule one)
    {
        var text = new JsonObject { ["action"] = one.Action.ToString(), ["object"] = Tags(one.Object) };
        Put(text, "protocolPorts", Ports(one));
        Put(text, "logsDisabled", one.LogsDisabled);
        Put(text, "observationEnabled", one.ObservationEnabled);
        if (one.Name.Length > 0)
        {
            text["name"] = one.Name;
        }
        return text;
    }
}
