using System.Collections.Immutable;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Printing;

/// <summary>Sets of addresses in as few words as possible.</summary>
public static class AddressSpanText
{
    // A run of more networks than this is easier to read by its two ends.
    private const int MostNetworks = 2;

    /// <summary>The networks of a set; <c>any</c> alone when it is everything, and <c>any IPv4 but …</c> where that is shorter.</summary>
    /// <param name="spans">None overlaps another.</param>
    /// <param name="owners">Names of the units that have an address; may be empty.</param>
    public static ImmutableArray<string> Of(IEnumerable<AddressSpan> spans, IReadOnlyDictionary<AddressKey, string> owners)
    {
        ArgumentNullException.ThrowIfNull(owners);
        ImmutableArray<AddressSpan> joined = AddressSpan.Join(spans);
        ImmutableArray<string> low = Family([.. joined.Where(span => !span.IsIPv6)], isIPv6: false, owners);
        ImmutableArray<string> high = Family([.. joined.Where(span => span.IsIPv6)], isIPv6: true, owners);
        return low is ["any IPv4"] && high is ["any IPv6"] ? ["any"] : [.. low, .. high];
    }

    /// <summary>The fewest networks that are exactly a set.</summary>
    /// <param name="spans">None overlaps another.</param>
    public static ImmutableArray<string> Networks(IEnumerable<AddressSpan> spans) =>
        [.. AddressSpan.Join(spans).SelectMany(span => span.Networks()).Select(network => network.ToString())];

    private static ImmutableArray<string> Family(ImmutableArray<AddressSpan> spans, bool isIPv6, IReadOnlyDictionary<AddressKey, string> owners)
    {
        if (spans.IsEmpty)
        {
            return [];
        }
        string any = isIPv6 ? "any IPv6" : "any IPv4";
        ImmutableArray<AddressSpan> rest = Complement(spans, isIPv6);
        if (rest.IsEmpty)
        {
            return [any];
        }
        bool reachesBothEnds = spans[0].First == UInt128.Zero && spans[^1].Last == AddressSpan.Whole(isIPv6).Last;
        return reachesBothEnds
            ? [$"{any} but {string.Join(" ", rest.SelectMany(span => Words(span, owners)))}"]
            : [.. spans.SelectMany(span => Words(span, owners))];
    }

    private static ImmutableArray<AddressSpan> Complement(ImmutableArray<AddressSpan> spans, bool isIPv6)
    {
        var rest = ImmutableArray.CreateBuilder<AddressSpan>();
        UInt128 end = AddressSpan.Whole(isIPv6).Last;
        UInt128 next = UInt128.Zero;
        foreach (AddressSpan span in spans)
        {
            if (span.First > next)
            {
                rest.Add(new AddressSpan(isIPv6, next, span.First - 1));
            }
            if (span.Last == end)
            {
                return rest.ToImmutable();
            }
            next = span.Last + 1;
        }
        rest.Add(new AddressSpan(isIPv6, next, end));
        return rest.ToImmutable();
    }

    private static IEnumerable<string> Words(AddressSpan span, IReadOnlyDictionary<AddressKey, string> owners)
    {
        var first = new AddressKey(span.IsIPv6, span.First);
        if (span.First == span.Last)
        {
            return [owners.TryGetValue(first, out string? owner) ? $"{first} ({owner})" : first.ToString()];
        }
        IpPrefix[] networks = [.. span.Networks().Take(MostNetworks + 1)];
        return networks.Length > MostNetworks
            ? [$"{first}-{new AddressKey(span.IsIPv6, span.Last)}"]
            : networks.Select(network => network.ToString());
    }
}
