using Datapath.Policy.Inventory;

namespace Datapath.Policy.Evaluation;

/// <summary>A processing unit as the evaluator sees it.</summary>
/// <param name="Name">Where it lives and what it is called.</param>
/// <param name="IsHost">Whether it is the host.</param>
/// <param name="Tags">Everything that selectors can match.</param>
/// <param name="Addresses">Its addresses.</param>
internal sealed record WrittenUnit(UnitName Name, bool IsHost, HashSet<string> Tags, HashSet<AddressKey> Addresses);

/// <summary>Makes the evaluator's units out of what was written.</summary>
internal sealed class WrittenUnits(Rulesets.WrittenPolicy written, HostInventory inventory, WrittenScope scope)
{
    /// <summary>All units: those written, and the host if nobody wrote it.</summary>
    public List<WrittenUnit> All()
    {
        List<WrittenUnit> units = [.. written.ProcessingUnits.Where(one => !one.Archived).Select(Unit)];
        if (!units.Exists(one => one.IsHost))
        {
            units.Add(
                new WrittenUnit(
                    new UnitName(scope.Origin, inventory.HostName),
                    IsHost: true,
                    [.. Tags("processingunit", inventory.HostName, scope.Origin), .. HostTags()],
                    [.. inventory.Addresses.Select(AddressKey.From)]
                )
            );
        }
        return units;
    }

    /// <summary>The tags that every object has.</summary>
    public IEnumerable<string> Tags(string identity, string name, string home) =>
        [$"$identity={identity}", $"$name={name}", $"$namespace={home}", .. scope.OrganizationTags(home)];

    /// <summary>All tags of a written object.</summary>
    public HashSet<string> Tags(Rulesets.WrittenObject one, string identity) =>
        [.. Tags(identity, one.Name, scope.Home(one)), .. one.AssociatedTags, .. one.Metadata];

    /// <summary>The tags of the agent on this host.</summary>
    public HashSet<string> EnforcerTags() =>
        [
            .. Tags("enforcer", inventory.HostName, scope.Origin),
            "@os:host=linux",
            $"@os:hostname={inventory.HostName}",
            .. inventory.Tags,
        ];

    private string[] HostTags() =>
        ["$type=Host", "$image=linux", "@os:host=linux", $"@os:hostname={inventory.HostName}", .. inventory.Tags];

    private WrittenUnit Unit(Rulesets.ProcessingUnit one)
    {
        HashSet<AddressKey> own = [.. inventory.Addresses.Select(AddressKey.From)];
        // A unit that is attached to nothing and has an address of ours is how a file for a whole fleet writes this host.
        bool isHost = one.Attach.Kind == AttachmentKind.Host || (one.Attach.Kind == AttachmentKind.None && one.Addresses.Select(AddressKey.From).Any(own.Contains));
        HashSet<string> tags = Tags(one, "processingunit");
        tags.UnionWith(isHost ? HostTags() : ["$type=Docker"]);
        HashSet<AddressKey> addresses = [.. one.Addresses.Select(AddressKey.From)];
        if (isHost)
        {
            addresses.UnionWith(own);
        }
        return new WrittenUnit(new UnitName(scope.Home(one), one.Name), isHost, tags, addresses);
    }
}
