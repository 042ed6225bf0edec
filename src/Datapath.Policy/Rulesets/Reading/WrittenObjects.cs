using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>The objects of one document while it is read.</summary>
internal sealed class WrittenObjects
{
    /// <summary>The label of the import and where it stands; null without one.</summary>
    public (string Text, SourceSpan At)? Label { get; set; }

    public List<NamespaceDefinition> Namespaces { get; } = [];

    public List<ExternalNetwork> ExternalNetworks { get; } = [];

    public List<NetworkRuleset> Rulesets { get; } = [];

    public List<ProcessingUnit> ProcessingUnits { get; } = [];

    public List<EnforcerProfile> EnforcerProfiles { get; } = [];

    public List<EnforcerProfileMapping> EnforcerProfileMappings { get; } = [];

    /// <summary>All objects of some documents, in their order.</summary>
    public static WrittenPolicy Join(IReadOnlyCollection<WrittenObjects> documents) =>
        new()
        {
            Namespaces = [.. documents.SelectMany(static d => d.Namespaces)],
            ExternalNetworks = [.. documents.SelectMany(static d => d.ExternalNetworks)],
            Rulesets = [.. documents.SelectMany(static d => d.Rulesets)],
            ProcessingUnits = [.. documents.SelectMany(static d => d.ProcessingUnits)],
            EnforcerProfiles = [.. documents.SelectMany(static d => d.EnforcerProfiles)],
            EnforcerProfileMappings = [.. documents.SelectMany(static d => d.EnforcerProfileMappings)],
        };
}
