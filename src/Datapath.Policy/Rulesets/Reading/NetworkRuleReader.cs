using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Schema;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads one rule of a ruleset (specification a.3).</summary>
internal static class NetworkRuleReader
{
    private const int LongestName = 16;

    /// <summary>The rule; null when it has no usable object or action.</summary>
    public static NetworkRule? Read(MappingNode node, DiagnosticSink sink)
    {
        FieldReader fields = new(node, NetworkRulesetSchema.Rule, sink);
        Verdict? action = Action(fields);
        TagExpression? peers = TagExpressionReader.Read(fields, "object", refusesEqualClauses: true);
        ImmutableArray<ProtocolPort> ports = Ports(fields);
        string name = fields.Text("name", LongestName);
        (bool logsDisabled, bool observes) = (fields.Flag("logsDisabled"), fields.Flag("observationEnabled"));
        return peers is null || action is null
            ? null
            : new NetworkRule
            {
                At = fields.At,
                Action = action.Value,
                Object = peers,
                ProtocolPorts = ports,
                LogsDisabled = logsDisabled,
                ObservationEnabled = observes,
                Name = name,
            };
    }

    /// <summary>The product fills in Allow where nothing is written; so do we, but not silently, because it opens a door.</summary>
    private static Verdict? Action(FieldReader fields)
    {
        if (fields.Find("action") is null)
        {
            fields.Sink.Report(PolicyDiagnostics.NoAction, fields.At, "the rule has no `action` and is taken for an Allow");
            return Verdict.Allow;
        }

        return fields.Choice("action", "Allow", "Reject")?.Text switch
        {
            "Allow" => Verdict.Allow,
            "Reject" => Verdict.Reject,
            _ => null,
        };
    }

    private static ImmutableArray<ProtocolPort> Ports(FieldReader fields)
    {
        ImmutableArray<ScalarNode> nodes = fields.Texts("protocolPorts");
        ImmutableArray<ProtocolPort>.Builder ports = ImmutableArray.CreateBuilder<ProtocolPort>(nodes.Length);
        HashSet<string>? seen = nodes.Length > 1 ? new(StringComparer.Ordinal) : null;
        foreach (ScalarNode node in nodes)
        {
            if (!ProtocolPortParser.TryParse(node.Text, out ProtocolPort? port, out string? problem))
            {
                fields.Sink.Report(PolicyDiagnostics.BadPort, node.At, $"{Quoted.Value(node.Text)} {problem}");
                continue;
            }

            if (seen?.Add(port.Text) == false)
            {
                fields.Sink.Report(PolicyDiagnostics.PortTwice, node.At, $"{Quoted.Value(node.Text)} stands twice in `protocolPorts`");
                continue;
            }

            if (port.Protocol == ProtocolPort.AnyProtocol && nodes.Length > 1)
            {
                fields.Sink.Report(PolicyDiagnostics.AnyNotAlone, node.At, $"{Quoted.Value(node.Text)} stands beside other entries");
            }

            ports.Add(port);
        }

        return ports.ToImmutable();
    }
}
