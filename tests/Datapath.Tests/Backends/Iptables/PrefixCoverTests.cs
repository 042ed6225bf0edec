using System.Collections.Immutable;
using Datapath.Backends.Iptables.Lowering;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>The prefixes of a set say what the ranges said, in no more entries than it takes.</summary>
public sealed class PrefixCoverTests
{
    [Theory]
    [InlineData(32)]
    [InlineData(128)]
    public void The_longest_prefix_of_every_address_has_the_class_of_its_range(int bits)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        for (int round = 0; round < 50; round++)
        {
            ImmutableArray<ClassRange> ranges = RandomRanges(random, bits, random.Next(40));
            var prefixes = PrefixCover.Of(ranges, bits).ToDictionary(prefix => (prefix.Address, prefix.Length), prefix => prefix.Id);
            for (int i = 0; i < ranges.Length; i++)
            {
                UInt128 last = i + 1 < ranges.Length ? ranges[i + 1].First - 1 : Highest(bits);
                foreach (UInt128 address in (UInt128[])[ranges[i].First, ranges[i].First + ((last - ranges[i].First) / 2), last])
                {
                    Assert.True(ranges[i].Id == Classify(prefixes, address, bits), $"seed {seed}, round {round}, address {address:x}");
                }
            }
        }
    }

    [Fact]
    public void A_network_with_holes_is_one_entry_and_one_for_each_hole()
    {
        // 10.0.0.0/8 of class 2 with a thousand single addresses of class 1: what is inherited wins over what comes first.
        var ranges = ImmutableArray.CreateBuilder<ClassRange>();
        ranges.Add(new ClassRange(0, 0));
        ranges.Add(new ClassRange(10u << 24, 2));
        for (uint i = 0; i < 1000; i++)
        {
            ranges.Add(new ClassRange((10u << 24) + 1 + (i * 997), 1));
            ranges.Add(new ClassRange((10u << 24) + 2 + (i * 997), 2));
        }

        ranges.Add(new ClassRange(11u << 24, 0));
        // And the two halves of all other addresses.
        Assert.Equal(1003, PrefixCover.Of(ranges, 32).Count);
    }

    [Fact]
    public void What_is_listed_everywhere_or_nowhere_is_two_halves()
    {
        Assert.Equal([new ClassPrefix(0, 1, 7), new ClassPrefix(0x8000_0000, 1, 7)], PrefixCover.Of([new ClassRange(0, 7)], 32));
        Assert.Equal([new ClassPrefix(0, 1, 0), new ClassPrefix(UInt128.One << 127, 1, 0)], PrefixCover.Of([new ClassRange(0, 0)], 128));
    }

    private static int Classify(Dictionary<(UInt128 Address, int Length), int> prefixes, UInt128 address, int bits)
    {
        for (int length = bits; length > 0; length--)
        {
            if (prefixes.TryGetValue((address >> (bits - length) << (bits - length), length), out int id))
            {
                return id;
            }
        }

        return -1;
    }

    private static ImmutableArray<ClassRange> RandomRanges(Random random, int bits, int count)
    {
        var starts = new SortedSet<UInt128> { 0 };
        for (int i = 0; i < count; i++)
        {
            UInt128 any = new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()) & Highest(bits);
            starts.Add(any >> random.Next(bits) & Highest(bits));
        }

        return [.. starts.Select(start => new ClassRange(start, random.Next(4)))];
    }

    private static UInt128 Highest(int bits) => bits == 128 ? UInt128.MaxValue : uint.MaxValue;
}
