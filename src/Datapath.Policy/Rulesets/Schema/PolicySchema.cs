using System.Collections.Immutable;

namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Everything a policy file may hold, in one table: readers check fields against it and <c>docs/ruleset.md</c> is printed from it.</summary>
public static class PolicySchema
{
    /// <summary>An import file.</summary>
    public static MappingSchema ImportFile { get; } =
        new(
            "an import file",
            "What `apoctl api export` writes and `apoctl api import` reads.",
            [
                new("APIVersion", FieldType.Text, "`0` or `1`; both mean the same") { Default = "0" },
                new("label", FieldType.Text, "key of the import: of two files with one label the later replaces the earlier"),
                new("identities", FieldType.TextList, "names of the resources in the file; not needed"),
                new("data", FieldType.Mapping, "lists of objects, by resource") { IsRequired = true },
            ]
        );

    /// <summary>The resources in the order of the reference.</summary>
    public static ImmutableArray<ResourceSchema> Resources { get; } =
        [
            NamespaceSchema.Resource,
            ExternalNetworkSchema.Resource,
            NetworkRulesetSchema.Resource,
            ProcessingUnitSchema.Resource,
            EnforcerProfileSchema.Resource,
            EnforcerProfileMappingSchema.Resource,
        ];

    private static readonly Dictionary<string, ResourceSchema> ByName = Resources
        .SelectMany(static resource => resource.Names.Select(name => (name, resource)))
        .ToDictionary(static pair => pair.name, static pair => pair.resource, StringComparer.Ordinal);

    /// <summary>The resource of a name under <c>data</c>; null when it is none of ours.</summary>
    /// <param name="name">Plural, singular or a short name, compared exactly.</param>
    public static ResourceSchema? FindResource(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Every name a resource may have under <c>data</c>.</summary>
    public static IEnumerable<string> ResourceNames => ByName.Keys;
}
