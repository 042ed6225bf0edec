using System.Collections.Frozen;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Recognises what people have lying about and what is not read here: templates, Kubernetes forms, legacy resources.</summary>
internal static class ForeignFormats
{
    private const string TemplateOpening = "{{";

    private static readonly LegacyKind AccessPolicy = new(
        "a network access policy, which rulesets replaced in March 2021",
        "rewrite it as `networkrulesetpolicies`: a ruleset on its object with `incomingRules`, one on its subject with `outgoingRules`"
    );

    private static readonly LegacyKind HostService = new(
        "a host service, which ended in July 2021",
        "write its ports as `incomingRules` of a ruleset whose subject is the host"
    );

    private static readonly LegacyKind Recipe = new("a recipe, which only the console renders", "write the import file that it renders to");

    private static readonly LegacyKind NamespaceMapping = new(
        "a namespace mapping policy, which moves units between namespaces",
        "write `namespace:` on the processing units themselves"
    );

    private static readonly FrozenDictionary<string, LegacyKind> LegacyResources = new Dictionary<string, LegacyKind>(StringComparer.Ordinal)
    {
        ["networkaccesspolicies"] = AccessPolicy,
        ["networkaccesspolicy"] = AccessPolicy,
        ["netpols"] = AccessPolicy,
        ["netpol"] = AccessPolicy,
        ["hostservices"] = HostService,
        ["hostservice"] = HostService,
        ["hostservicemappingpolicies"] = HostService,
        ["hostservicemappingpolicy"] = HostService,
        ["recipes"] = Recipe,
        ["recipe"] = Recipe,
        ["namespacemappingpolicies"] = NamespaceMapping,
        ["namespacemappingpolicy"] = NamespaceMapping,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenSet<string> UnusedResources = FrozenSet.Create(
        StringComparer.Ordinal,
        "apiauthorizationpolicies",
        "appcredentials",
        "automations",
        "automationtemplates",
        "cloudnetworkpolicies",
        "enforcers",
        "fileaccesspolicies",
        "filepaths",
        "hooks",
        "infrastructurepolicies",
        "quotapolicies",
        "roles",
        "servicedependencypolicies",
        "services",
        "sshauthorizationpolicies",
        "tokenscopepolicies",
        "trustednamespaces",
        "useraccesspolicies"
    );

    /// <summary>Says where a file has an unrendered template action; comments do not count. True when it has one.</summary>
    public static bool HasTemplate(string file, string text, DiagnosticSink sink)
    {
        int lineNumber = 0;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            lineNumber++;
            int column = line.IndexOf(TemplateOpening, StringComparison.Ordinal);
            if (column < 0 || line[..column].TrimStart().StartsWith("#") || line[..column].Contains(" #", StringComparison.Ordinal))
            {
                continue;
            }

            sink.Report(
                PolicyDiagnostics.Template,
                new SourceSpan(file, lineNumber, column + 1),
                "the file is a Go template: it has an action between `{{` and `}}` that was not rendered"
            );
            return true;
        }

        return false;
    }

    /// <summary>Says that a document is a Kubernetes object, if it is one.</summary>
    public static bool IsKubernetes(MappingNode root, DiagnosticSink sink)
    {
        string? version = (root.Find("apiVersion") as ScalarNode)?.Text;
        string? kind = (root.Find("kind") as ScalarNode)?.Text;
        if (version is null || (kind is null && !version.Contains('/')))
        {
            return false;
        }

        string group = version.Split('/')[0];
        string origin = group switch
        {
            "network.prismacloud.io" => "the Kubernetes form of Prisma Cloud's aggregated API",
            "api.aporeto.io" => "the Kubernetes form of the older Aporeto operator",
            "security.devops.gov.bc.ca" or "secops.pathfinder.gov.bc.ca" => "a NetworkSecurityPolicy of the BC Government's operator",
            _ => "a Kubernetes object",
        };
        sink.Report(
            PolicyDiagnostics.Kubernetes,
            root.At,
            $"this is {origin} (apiVersion {Quoted.Value(version)}, kind {Quoted.Value(kind ?? "")}), which is not read"
        );
        return true;
    }

    /// <summary>Says what a list under <c>data</c> is that is none of ours. A name that is nearly one of ours is an error: its objects would be missing.</summary>
    public static void ReportResource(ScalarNode name, IEnumerable<string> known, DiagnosticSink sink)
    {
        string quoted = Quoted.Value(name.Text);
        if (LegacyResources.TryGetValue(name.Text, out LegacyKind? legacy))
        {
            sink.Report(PolicyDiagnostics.Legacy, name.At, $"each of {quoted} is {legacy.What}", legacy.Help);
        }
        else if (UnusedResources.Contains(name.Text))
        {
            sink.Report(PolicyDiagnostics.UnusedResource, name.At, $"{quoted} are known and not read");
        }
        else if (Spelling.Closest(name.Text, known) is { } near)
        {
            sink.Report(PolicyDiagnostics.MisspeltResource, name.At, $"{quoted} is not a resource", $"did you mean `{near}`?");
        }
        else
        {
            sink.Report(PolicyDiagnostics.UnknownResource, name.At, $"{quoted} is not a resource");
        }
    }

    /// <summary>Says that a bare object is a legacy one, if its fields say so.</summary>
    public static bool IsLegacyObject(MappingNode node, DiagnosticSink sink)
    {
        if (KindOf(node) is not { } legacy)
        {
            return false;
        }

        sink.Report(PolicyDiagnostics.Legacy, node.At, $"this is {legacy.What}", legacy.Help);
        return true;
    }

    private static LegacyKind? KindOf(MappingNode node)
    {
        bool Has(string name) => node.Find(name) is not null;
        bool isAccessPolicy = Has("subject") && (Has("action") || Has("applyPolicyMode") || Has("negateObject") || Has("negateSubject"));
        return isAccessPolicy ? AccessPolicy
            : Has("subject") && Has("mappedNamespace") ? NamespaceMapping
            : Has("services") && Has("name") ? HostService
            : Has("template") ? Recipe
            : null;
    }

    /// <summary>Something that is refused with a sentence.</summary>
    /// <param name="What">What it is, with its article.</param>
    /// <param name="Help">What to write instead.</param>
    private sealed record LegacyKind(string What, string Help);
}
