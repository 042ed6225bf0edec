using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>The enforcer profile of this host (specification a.6) and what it does to the units.</summary>
internal static class ProfileResolution
{
    /// <summary>The profile that the mappings give this host; null when there is none. Fallback mappings count when no other gives one.</summary>
    public static EnforcerProfile? Select(
        WrittenPolicy written,
        HostInventory inventory,
        NamespaceTree namespaces,
        List<Diagnostic> diagnostics
    )
    {
        ResolvedNamespace origin = namespaces[namespaces.Origin];
        ImmutableArray<string> enforcer = TagSet.Of(
            "enforcer",
            inventory.HostName,
            origin,
            ["@os:host=linux", $"@os:hostname={inventory.HostName}", .. inventory.Tags]
        );
        EnforcerProfile[] mapped = Mapped(isFallback: false);
        if (mapped.Length == 0)
        {
            mapped = Mapped(isFallback: true);
        }
        foreach (EnforcerProfile other in mapped.Skip(1))
        {
            diagnostics.Add(PolicyCodes.TwoProfiles(other.At, other.Name, mapped[0].Name, mapped[0].At));
        }
        return mapped.FirstOrDefault();

        EnforcerProfile[] Mapped(bool isFallback) =>
            [
                .. written.EnforcerProfiles.Where(profile =>
                    written.EnforcerProfileMappings.Any(mapping => mapping.Fallback == isFallback && Maps(mapping, profile, enforcer, namespaces))
                ),
            ];
    }

    /// <summary>The units as the profile wants them: some never judged, some with addresses that identity does not cover.</summary>
    public static ImmutableArray<ResolvedUnit> Apply(EnforcerProfile? profile, ImmutableArray<ResolvedUnit> units)
    {
        if (profile is null)
        {
            return units;
        }
        return
        [
            .. units.Select(unit =>
                unit with
                {
                    IsIgnored = profile.IgnoreExpression is { } ignored && TagSet.Matches(ignored, unit.Tags),
                    Addresses = [.. unit.Addresses.Select(address => address with { IsManaged = IsManaged(profile, address.Key) })],
                }
            ),
        ];
    }

    private static bool Maps(
        EnforcerProfileMapping mapping,
        EnforcerProfile profile,
        ImmutableArray<string> enforcer,
        NamespaceTree namespaces
    )
    {
        string path = namespaces.PathOf(mapping);
        ResolvedNamespace home = namespaces[namespaces.PathOf(profile)];
        return !mapping.Disabled
            && NamespacePath.IsVisible(path, mapping.Propagate, namespaces.Origin)
            && NamespacePath.IsVisible(home.Path, profile.Propagate, path)
            && TagSet.Matches(mapping.Subject, enforcer)
            && TagSet.Matches(mapping.Object, TagSet.Of(profile, "enforcerprofile", home, []));
    }

    /// <summary>
    /// Outside the target networks the product expects no identity and falls back on external networks. We know the unit by its address all
    /// the same, so there both its tags and external networks may allow; where identity is expected only its tags may.
    /// </summary>
    private static bool IsManaged(EnforcerProfile profile, AddressKey address)
    {
        NetworkEntry? longest = null;
        foreach (NetworkEntry entry in profile.TargetNetworks.Where(entry => entry.Kind != NetworkEntryKind.HostName))
        {
            bool contains = entry.Network.IsIPv6 == address.IsIPv6 && entry.Network.Contains(address.Value);
            if (contains && (longest is null || entry.Network.Length > longest.Value.Network.Length))
            {
                longest = entry;
            }
        }
        return profile.TargetNetworks.IsEmpty || longest is { Kind: NetworkEntryKind.Network };
    }
}
