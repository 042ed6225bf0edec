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
        ProcessingUnit[] present = [.. written.ProcessingUnits.Where(unit => !unit.Archived)];
        HashSet<AddressKey> own = [.. inventory.Addresses.Select(AddressKey.From)];
        ProcessingUnit[] hosts = [.. present.Where(unit => WhyHost(unit, own) is not null)];
        foreach (ProcessingUnit other in hosts.Skip(1))
        {
            diagnostics.Add(PolicyCodes.TwoHosts(other.At, other.Name, WhyHost(other, own)!, hosts[0].Name, WhyHost(hosts[0], own)!, hosts[0].At));
        }
        ProcessingUnit host = hosts.Length == 0 ? Unwritten(inventory) : hosts[0];
        ResolvedUnit[] units =
        [
            Host(host, inventory, namespaces[namespaces.PathOf(host)]),
            .. present.Except(hosts, ReferenceEqualityComparer.Instance).Cast<ProcessingUnit>().Select(unit => Other(unit, namespaces[namespaces.PathOf(unit)])),
        ];
        ReportConflicts(units, diagnostics);
        return [.. units];
    }

    /// <summary>
    /// What makes a written unit this host, to follow "by"; null when it is another. A file that describes a fleet has a unit for every host
    /// with its addresses and no <c>attach</c>, so that all hosts can be given the same file: here one of them is us.
    /// </summary>
    private static string? WhyHost(ProcessingUnit unit, HashSet<AddressKey> own)
    {
        if (unit.Attach.Kind == AttachmentKind.Host)
        {
            return "'attach: host'";
        }
        AddressKey[] shared = unit.Attach.Kind == AttachmentKind.None ? [.. unit.Addresses.Select(AddressKey.From).Where(own.Contains)] : [];
        return shared.Length == 0 ? null : $"its address {shared[0]}";
    }

    private static ProcessingUnit Unwritten(HostInventory inventory) =>
        new()
        {
            At = new SourceSpan("(this host)", 0, 0),
            Name = inventory.HostName,
        };

    private static ResolvedUnit Host(ProcessingUnit unit, HostInventory inventory, ResolvedNamespace home) =>
        Unit(
            unit with
            {
                Attach = new Attachment(AttachmentKind.Host, ""),
            },
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

    private static void ReportConflicts(ResolvedUnit[] units, List<Diagnostic> diagnostics)
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
