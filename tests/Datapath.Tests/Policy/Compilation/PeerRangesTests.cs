using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.Tests.Policy.Compilation;

/// <summary>Maps that share blocks answer like a plain list of every address's class.</summary>
public sealed class PeerRangesTests
{
    private const uint Gap = 3;

    // How many ranges a block of the map has: counts are on both sides of the cut, and of several blocks.
    private const int Block = 512;

    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(3_000)]
    public void After_every_change_of_an_address_the_map_is_that_of_a_plain_list(int count)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        SortedDictionary<uint, (ushort Class, ushort Unit)> plain = [];
        for (uint at = 0; at < count; at++)
        {
            plain[at * Gap] = ((ushort)(at % 3), 0);
        }

        PeerRanges<uint> map = MapOf(plain);
        for (int change = 0; change < 300; change++)
        {
            PeerRanges<uint> before = map;
            // At the start of a range, before it, behind it and inside it; where blocks meet, and often where an earlier change was.
            int range = random.Next(2) == 0 ? random.Next(count) / 50 * 50 : random.Next((count / Block) + 1) * Block;
            uint address = unchecked((uint)(range * Gap) + (uint)random.Next(-2, 3));
            (ushort Class, ushort Unit) value = ((ushort)random.Next(3), (ushort)random.Next(2));
            map = map.With(new PeerRange<uint>(address, value.Class, value.Unit));
            Set(plain, address, value);

            Assert.True(Joined(plain).SequenceEqual(map), $"seed {seed}, change {change}");
            Assert.True(map.IndexOf(address) == map.ToList().FindLastIndex(range => range.First <= address), $"seed {seed}, change {change}");
            Assert.Equal(value, (map.At(address).Class, map.At(address).Unit));
            AssertCompared(before, map, $"seed {seed}, change {change}");
        }

        Assert.True(map.SaysSameAs(MapOf(plain)), $"seed {seed}");
    }

    [Fact]
    public void A_change_leaves_the_map_of_before_as_it_was()
    {
        PeerRanges<uint> before = [new(0, 0, 0), new(100, 1, 0)];
        PeerRanges<uint> after = before.With(new PeerRange<uint>(100, 2, 0));
        Assert.Equal([new(0, 0, 0), new(100, 1, 0)], before);
        Assert.Equal([new(0, 0, 0), new(100, 2, 0), new(101, 1, 0)], after);
        Assert.False(before.SaysSameAs(after));
    }

    [Fact]
    public void A_map_that_grows_in_one_place_is_cut_again()
    {
        PeerRanges<uint> map = [new(0, 0, 0)];
        for (uint address = 0; address < 20_000; address += 2)
        {
            map = map.With(new PeerRange<uint>(address, 1, 0));
        }

        Assert.Equal(20_000, map.Count);
        Assert.Equal(Enumerable.Range(0, 20_000).Select(at => new PeerRange<uint>((uint)at, (ushort)(1 - (at % 2)), 0)), map);
        Assert.Equal(map.Skip(4_000).Take(5_000), map[4_000..9_000]);
    }

    [Fact]
    public void The_last_address_of_the_space_can_change_hands()
    {
        PeerRanges<UInt128> map = [new(0, 0, 0)];
        map = map.With(new PeerRange<UInt128>(UInt128.MaxValue, 1, 7));
        Assert.Equal([new(0, 0, 0), new(UInt128.MaxValue, 1, 7)], map);
        Assert.Equal(UInt128.MaxValue, map.LastOf(1));
        Assert.Equal(UInt128.MaxValue - 1, map.LastOf(0));
        Assert.Equal([new(0, 0, 0)], map.With(new PeerRange<UInt128>(UInt128.MaxValue, 0, 0)));
    }

    private static void AssertCompared(PeerRanges<uint> before, PeerRanges<uint> after, string where)
    {
        int prefix = before.CommonPrefix(after);
        Assert.True(prefix == before.Zip(after).TakeWhile(pair => pair.First == pair.Second).Count(), where);
        int most = Math.Min(before.Count, after.Count) - prefix;
        int suffix = before.Reverse().Zip(after.Reverse()).Take(most).TakeWhile(pair => pair.First == pair.Second).Count();
        Assert.True(suffix == before.CommonSuffix(after, most), where);
    }

    private static void Set(SortedDictionary<uint, (ushort Class, ushort Unit)> plain, uint address, (ushort Class, ushort Unit) value)
    {
        (ushort Class, ushort Unit) old = plain.Last(one => one.Key <= address).Value;
        if (address < uint.MaxValue)
        {
            plain.TryAdd(address + 1, old);
        }

        plain[address] = value;
    }

    private static PeerRanges<uint> MapOf(SortedDictionary<uint, (ushort Class, ushort Unit)> plain) => [.. Joined(plain)];

    private static IEnumerable<PeerRange<uint>> Joined(SortedDictionary<uint, (ushort Class, ushort Unit)> plain)
    {
        (ushort Class, ushort Unit)? last = null;
        foreach ((uint first, (ushort Class, ushort Unit) value) in plain)
        {
            if (value != last)
            {
                yield return new PeerRange<uint>(first, value.Class, value.Unit);
            }

            last = value;
        }
    }
}
