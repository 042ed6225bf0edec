using System.Collections.Frozen;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Recognises what people have lying about and what is not read here: templates, Kubernetes forms, legacy resources.</summary>
internal static class ForeignFormats
{
    private const string TemplateOpening = "{{";

    private static readonly FrozenDictionary<string, string> LegacyResources = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["networkaccesspolicies"] = "network access policies, which rulesets replaced in March 2021",
        ["networkaccesspolicy"] = "network access policies, which rulesets replaced in March 2021",
        ["netpols"] = "network access policies, which rulesets replaced in March 2021",
        ["netpol"] = "network access policies, which rulesets replaced in March 2021",
        ["hostservices"] = "host services, which ended in July 2021",
        ["hostservice"] = "host services, which ended in July 2021",
        ["hostservicemappingpolicies"] = "mappings of host services, which ended in July 2021",
        ["hostservicemappingpolicy"] = "mappings of host services, which ended in July 2021",
        ["recipes"] = "recipes, which only the console renders",
        ["recipe"] = "recipes, which only the console renders",
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
        "namespacemappingpolicies",
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

    /// <summary>Says what a list under <c>data</c> is that is none of ours.</summary>
    public static void ReportResource(ScalarNode name, IEnumerable<string> known, DiagnosticSink sink)
    {
        if (LegacyResources.TryGetValue(name.Text, out string? what))
        {
            sink.Report(PolicyDiagnostics.Legacy, name.At, $"{Quoted.Value(name.Text)} are {what}");
        }
        else if (UnusedResources.Contains(name.Text))
        {
            sink.Report(PolicyDiagnostics.UnusedResource, name.At, $"{Quoted.Value(name.Text)} has no bearing on packets and is not read");
        }
        else
        {
            string? near = Spelling.Closest(name.Text, known);
            sink.Report(
                PolicyDiagnostics.UnknownResource,
                name.At,
                $"{Quoted.Value(name.Text)} is not a resource",
                near is null ? null : $"did you mean `{near}`?"
            );
        }
    }

    /// <summary>What a bare object is by its fields, if it is a legacy one; null otherwise.</summary>
    public static string? LegacyObject(MappingNode node)
    {
        bool Has(string name) => node.Find(name) is not null;
        bool isAccessPolicy = Has("subject") && (Has("action") || Has("applyPolicyMode") || Has("negateObject") || Has("negateSubject"));
        return isAccessPolicy ? "a network access policy, which rulesets replaced in March 2021"
            : Has("subject") && Has("mappedNamespace") ? "a namespace mapping policy, which is not read"
            : Has("services") && Has("name") ? "a host service, which ended in July 2021"
            : Has("template") ? "a recipe, which only the console renders"
            : null;
    }
}
