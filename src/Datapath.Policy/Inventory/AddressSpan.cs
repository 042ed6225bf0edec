using System.Collections.Immutable;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Inventory;

/// <summary>An unbroken run of addresses of one family.</summary>
/// <param name="IsIPv6">The family.</param>
/// <param name="First">The first address, in host byte order.</param>
/// <param name="Last">The last one; not below <paramref name="First"/>.</param>
public readonly record struct AddressSpan(bool IsIPv6, UInt128 First, UInt128 Last)
{
    /// <summary>The addresses of a network.</summary>
    /// <param name="network">Of either family.</param>
    public static AddressSpan Of(IpPrefix network) => new(network.IsIPv6, network.Address, network.Last);

    /// <summary>Every address of a family.</summary>
    /// <param name="isIPv6">The family.</param>
    public static AddressSpan Whole(bool isIPv6) => new(isIPv6, UInt128.Zero, isIPv6 ? UInt128.MaxValue : uint.MaxValue);

    /// <summary>The same addresses in as few runs as possible: IPv4 first, ascending.</summary>
    /// <param name="spans">In any order; none overlaps another.</param>
    public static ImmutableArray<AddressSpan> Join(IEnumerable<AddressSpan> spans)
    {
        var joined = ImmutableArray.CreateBuilder<AddressSpan>();
        foreach (AddressSpan span in spans.OrderBy(one => one.IsIPv6).ThenBy(one => one.First))
        {
            if (joined.Count > 0 && joined[^1] is var before && before.IsIPv6 == span.IsIPv6 && before.Last + 1 == span.First)
            {
                joined[^1] = before with { Last = span.Last };
            }
            else
            {
                joined.Add(span);
            }
        }
        return joined.ToImmutable();
    }

    /// <summary>The fewest networks that are exactly this run, ascending.</summary>
    public IEnumerable<IpPrefix> Networks()
    {
        int width = IsIPv6 ? 128 : 32;
        UInt128 first = First;
        while (true)
        {
            // The largest network that begins here and does not reach beyond the end.
            int hostBits = first == 0 ? width : Math.Min(width, (int)UInt128.TrailingZeroCount(first));
            while (Network(first, width - hostBits).Last > Last)
            {
                hostBits--;
            }
            IpPrefix network = Network(first, width - hostBits);
            yield return network;
            if (network.Last == Last)
            {
                yield break;
            }
            first = network.Last + 1;
        }
    }

    /// <summary>Whether an address lies in the run.</summary>
    /// <param name="address">Of either family.</param>
    public bool Contains(AddressKey address) => address.IsIPv6 == IsIPv6 && address.Value >= First && address.Value <= Last;

    private IpPrefix Network(UInt128 first, int length) => new(IsIPv6, first, length);
}
