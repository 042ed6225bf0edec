using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>The processing units: the host, written or not, and all others.</summary>
internal static class UnitResolution
{
    /// <summary>All units that are not archived, the host first; rulesets and profile are not yet known.</summary>
    public static ImmutableArray<ResolvedUnit> Resolve(
        WrittenPolicy written,
        HostInventory inventory,
        NamespaceTree namespaces,
        List<Diagnostic> diagnostics
    )
    {
        ProcessingUnit? host = null;
        var units = new List<ResolvedUnit>();
        foreach (ProcessingUnit unit in written.ProcessingUnits.Where(unit => !unit.Archived))
        {
            if (unit.Attach.Kind == AttachmentKind.Host && host is not null)
            {
                diagnostics.Add(PolicyCodes.TwoHosts(unit.At, unit.Name, host.Name, host.At));
            }
            else if (unit.Attach.Kind == AttachmentKind.Host)
            {
                host = unit;
            }
            else
            {
                units.Add(Other(unit, namespaces[namespaces.PathOf(unit)]));
            }
        }
        host ??= Unwritten(inventory);
        units.Insert(0, Host(host, inventory, namespaces[namespaces.PathOf(host)]));
        ReportConflicts(units, diagnostics);
        return [.. units];
    }

    private static ProcessingUnit Unwritten(HostInventory inventory) =>
        new()
        {
            At = new SourceSpan("(this host)", 0, 0),
            Name = inventory.HostName,
            Attach = new Attachment(AttachmentKind.Host, ""),
        };

    private static ResolvedUnit Host(ProcessingUnit unit, HostInventory inventory, ResolvedNamespace home) =>
        Unit(
            unit,
            home,
            ["$type=Host", "$image=linux", "@os:host=linux", $"@os:hostname={inventory.HostName}", .. inventory.Tags],
            unit.Addresses.AddRange(inventory.Addresses)
        );

    // Whatever is not a host is a container to the product, on this machine or on another.
    private static ResolvedUnit Other(ProcessingUnit unit, ResolvedNamespace home) => Unit(unit, home, ["$type=Docker"], unit.Addresses);

    private static ResolvedUnit Unit(
        ProcessingUnit unit,
        ResolvedNamespace home,
        ImmutableArray<string> tags,
        ImmutableArray<System.Net.IPAddress> addresses
    ) =>
        new()
        {
            At = unit.At,
            Name = unit.Name,
            Namespace = home.Path,
            Attach = unit.Attach,
            Tags = TagSet.Of(unit, "processingunit", home, tags),
            Addresses = [.. addresses.Select(AddressKey.From).Distinct().Order().Select(key => new UnitAddress(key, IsManaged: true))],
            Rulesets = [],
            IsIgnored = false,
        };

    private static void ReportConflicts(List<ResolvedUnit> units, List<Diagnostic> diagnostics)
    {
        var owners = new Dictionary<AddressKey, ResolvedUnit>();
        var attached = new Dictionary<Attachment, ResolvedUnit>();
        foreach (ResolvedUnit unit in units)
        {
            foreach (AddressKey key in unit.Addresses.Select(address => address.Key).Where(key => !owners.TryAdd(key, unit)))
            {
                diagnostics.Add(PolicyCodes.AddressTwice(unit.At, key.ToString(), unit.Name, owners[key].Name, owners[key].At));
            }
            if (unit.Attach.Kind is AttachmentKind.Interface or AttachmentKind.Cgroup && !attached.TryAdd(unit.Attach, unit))
            {
                ResolvedUnit first = attached[unit.Attach];
                diagnostics.Add(PolicyCodes.AttachedTwice(unit.At, unit.Attach.Target, unit.Name, first.Name, first.At));
            }
        }
    }
}
