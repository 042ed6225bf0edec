using System.Collections.Immutable;

namespace Datapath.Policy.Rulesets;

/// <summary>Every object of every policy file as it was written: validated one by one, not yet related to each other.</summary>
public sealed record WrittenPolicy
{
    /// <summary>No object at all, which is a policy too.</summary>
    public static WrittenPolicy Empty { get; } = new();

    /// <summary>Namespaces, in the order of the files.</summary>
    public ImmutableArray<NamespaceDefinition> Namespaces { get; init; } = [];

    /// <summary>External networks, in the order of the files.</summary>
    public ImmutableArray<ExternalNetwork> ExternalNetworks { get; init; } = [];

    /// <summary>Network rulesets, in the order of the files.</summary>
    public ImmutableArray<NetworkRuleset> Rulesets { get; init; } = [];

    /// <summary>Processing units, in the order of the files.</summary>
    public ImmutableArray<ProcessingUnit> ProcessingUnits { get; init; } = [];

    /// <summary>Enforcer profiles, in the order of the files.</summary>
    public ImmutableArray<EnforcerProfile> EnforcerProfiles { get; init; } = [];

    /// <summary>Mappings of enforcer profiles to enforcers, in the order of the files.</summary>
    public ImmutableArray<EnforcerProfileMapping> EnforcerProfileMappings { get; init; } = [];
}
