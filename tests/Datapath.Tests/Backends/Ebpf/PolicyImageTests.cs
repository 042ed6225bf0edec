using System.Collections.Immutable;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

/// <summary>The image that the kernel walks says what the tables say.</summary>
public sealed class PolicyImageTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(RowForm.Dense)]
    [InlineData(RowForm.Compressed)]
    public void An_image_answers_like_the_tables_it_was_made_from(RowForm form)
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        for (int number = 0; number < 60; number++)
        {
            var random = new Random(unchecked((seed * 1_000_003) + number));
            var generator = new RandomPolicy(random);
            PolicyCase one = generator.Next();
            PolicyResolution resolution = PolicyResolver.Resolve(one.Written, one.Inventory, one.Options);
            CompiledPolicy compiled = Assert.IsType<CompiledPolicy>(PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty).Policy);
            var reader = new CompiledPolicyReader(compiled);
            var walker = new ImageWalker(PolicyImageEncoder.Encode(compiled, form));
            var edges = new PolicyEdges(one);
            for (int i = 0; i < 300 && compiled.Units.Length > 0; i++)
            {
                int unit = compiled.Units[random.Next(compiled.Units.Length)].Number;
                var direction = (Direction)random.Next(2);
                AddressKey peer = edges.Address(random, generator.Address);
                (PortTable table, ushort key) = edges.Port(random, generator.Key);
                Descriptor expected = compiled.Descriptors[reader.DescriptorIndex(unit, direction, peer, table, key)];
                Assert.True(expected == walker.Decide(unit, direction, peer, table, key), $"seed {seed}, policy {number}, {unit} {direction} {peer} {table} {key}");
            }
        }
    }

    [Fact]
    public void What_is_remembered_of_earlier_images_changes_no_byte()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        var memory = new ImageMemory();
        ImmutableArray<PeerRange<UInt128>> ranges = RandomRanges(random, 128, 50);
        for (int i = 0; i < 200; i++)
        {
            // One family stays as it was, or both, or none; a trie that moves is not taken over.
            bool ipv6 = random.Next(2) == 0;
            ranges = random.Next(3) == 0 ? RandomRanges(random, ipv6 ? 128 : 32, random.Next(1, 50)) : ranges;
            bool fits = ipv6 || ranges[^1].First <= uint.MaxValue;
            CompiledPolicy policy = PolicyOf(ipv6 || !fits, ranges);
            Assert.True(
                PolicyImageEncoder.Encode(policy).Words.Span.SequenceEqual(PolicyImageEncoder.Encode(policy, memory: memory).Words.Span),
                $"seed {seed}, image {i}"
            );
        }
    }

    [Fact]
    public void An_image_beside_earlier_tries_says_what_one_of_its_own_says()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        var memory = new ImageMemory();
        ImmutableArray<PeerRange<UInt128>> ranges = RandomRanges(random, 32, 300);
        (int shared, int patched) = (0, 0);
        PolicyImage? before = null;
        for (int i = 0; i < 300; i++)
        {
            ranges = random.Next(20) == 0 ? RandomRanges(random, 32, 300) : WithAddress(random, ranges);
            CompiledPolicy policy = PolicyOf(ipv6: false, ranges);
            LiveImage? live = before is null ? null : new LiveImage(before, _ => random.Next(5) == 0 ? null : before.Span + random.Next(1000));
            PolicyImage image = PolicyImageEncoder.Encode(policy, rows: null, memory, live);
            before = image;
            shared += image.IsShared ? 1 : 0;
            patched += image.Layout.IPv4Root == image.Addresses.IPv4Root ? 0 : 1;
            Assert.Equal(PolicyImageEncoder.Encode(policy).Checksum(), image.Checksum());
            var walker = new ImageWalker(image);
            for (int one = 0; one < ranges.Length; one++)
            {
                UInt128 last = one + 1 < ranges.Length ? ranges[one + 1].First - 1 : uint.MaxValue;
                Assert.True((ranges[one].Class, ranges[one].Unit) == walker.Classify(new AddressKey(false, ranges[one].First)), $"seed {seed}, image {i}, first of {one}");
                Assert.True((ranges[one].Class, ranges[one].Unit) == walker.Classify(new AddressKey(false, last)), $"seed {seed}, image {i}, last of {one}");
            }
        }

        Assert.True(shared > 100 && patched > 100, $"seed {seed}: {shared} shared, {patched} patched");
    }

    [Theory]
    [InlineData(RowForm.Dense)]
    [InlineData(RowForm.Compressed)]
    public void Images_that_take_over_what_they_can_answer_like_their_tables(RowForm form)
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        (int keptRows, int keptMatrices) = (0, 0);
        for (int chain = 0; chain < 15; chain++)
        {
            var generator = new RandomPolicy(random);
            PolicyCase one = generator.Next();
            var resolutions = new ResolutionMemory();
            var memory = new CompilationMemory();
            RuleIndexes indexes = RuleIndexes.Empty;
            PolicyImage? before = null;
            for (int step = 0; step < 25; step++, one = RandomChange.Of(one, random, generator))
            {
                PolicyResolution resolution = PolicyResolver.Resolve(one.Written, one.Inventory, one.Options, resolutions);
                PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, indexes, memory);
                indexes = compilation.Indexes;
                CompiledPolicy compiled = Assert.IsType<CompiledPolicy>(compilation.Policy);
                LiveImage? live = before is null ? null : new LiveImage(before, _ => before.Span + random.Next(100));
                PolicyImage image = PolicyImageEncoder.Encode(compiled, form, memory: null, live);
                Assert.Equal(PolicyImageEncoder.Encode(compiled, form).Checksum(), image.Checksum());
                keptRows += before is not null && image.Rows == before.Rows && image.Matrix != before.Matrix ? 1 : 0;
                keptMatrices += before is not null && image.Matrix == before.Matrix ? 1 : 0;
                before = image;
                var reader = new CompiledPolicyReader(compiled);
                var walker = new ImageWalker(image);
                var edges = new PolicyEdges(one);
                for (int i = 0; i < 100 && compiled.Units.Length > 0; i++)
                {
                    int unit = compiled.Units[random.Next(compiled.Units.Length)].Number;
                    var direction = (Direction)random.Next(2);
                    AddressKey peer = edges.Address(random, generator.Address);
                    (PortTable table, ushort key) = edges.Port(random, generator.Key);
                    Descriptor expected = compiled.Descriptors[reader.DescriptorIndex(unit, direction, peer, table, key)];
                    Assert.True(
                        expected == walker.Decide(unit, direction, peer, table, key),
                        $"seed {seed}, chain {chain}, step {step}, {unit} {direction} {peer} {table} {key}"
                    );
                }
            }
        }

        Assert.True(keptRows > 10 && keptMatrices > 10, $"seed {seed}: {keptRows} times rows, {keptMatrices} times the matrix was taken over");
    }

    /// <summary>One address more, or one that says something else.</summary>
    private static ImmutableArray<PeerRange<UInt128>> WithAddress(Random random, ImmutableArray<PeerRange<UInt128>> ranges)
    {
        UInt128 address = (uint)random.NextInt64(1L << 32);
        int at = ranges.Count(range => range.First <= address) - 1;
        var one = new PeerRange<UInt128>(address, (ushort)random.Next(900), (ushort)random.Next(1, 500));
        bool isFirst = ranges[at].First == address;
        bool isLast = address == uint.MaxValue || (at + 1 < ranges.Length && ranges[at + 1].First == address + 1);
        ImmutableArray<PeerRange<UInt128>> after = isLast ? [] : [ranges[at] with { First = address + 1 }];
        return [.. ranges[..(isFirst ? at : at + 1)], one, .. after, .. ranges[(at + 1)..]];
    }

    [Theory]
    [InlineData(false, 3000)]
    [InlineData(true, 3000)]
    public void A_trie_finds_every_range_of_a_crowded_space(bool ipv6, int prefixes)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        ImmutableArray<PeerRange<UInt128>> ranges = RandomRanges(random, ipv6 ? 128 : 32, prefixes);
        var walker = new ImageWalker(PolicyImageEncoder.Encode(PolicyOf(ipv6, ranges)));
        for (int i = 0; i < ranges.Length; i++)
        {
            UInt128 last = i + 1 < ranges.Length ? ranges[i + 1].First - 1 : ipv6 ? UInt128.MaxValue : uint.MaxValue;
            UInt128 middle = ranges[i].First + ((last - ranges[i].First) / 2);
            foreach (UInt128 address in (UInt128[])[ranges[i].First, middle, last])
            {
                (int peerClass, int unit) = walker.Classify(new AddressKey(ipv6, address));
                Assert.True((ranges[i].Class, ranges[i].Unit) == (peerClass, unit), $"seed {seed}: {new AddressKey(ipv6, address)} is in class {peerClass} of unit {unit}, not {ranges[i]}");
            }
        }
    }

    [Fact]
    public void Two_single_addresses_that_share_a_long_prefix_share_its_path()
    {
        UInt128 first = ((UInt128)0x2001_0db8 << 96) | 1;
        ImmutableArray<PeerRange<UInt128>> ranges = [new(0, 0, 0), new(first, 7, 3), new(first + 1, 0, 0), new(first + 255, 9, 0), new(first + 256, 0, 0)];
        PolicyImage lone = PolicyImageEncoder.Encode(PolicyOf(ipv6: true, [new(0, 0, 0)]));
        PolicyImage image = PolicyImageEncoder.Encode(PolicyOf(ipv6: true, ranges));
        var walker = new ImageWalker(image);
        Assert.Equal((7, 3), walker.Classify(new AddressKey(true, first)));
        Assert.Equal((9, 0), walker.Classify(new AddressKey(true, first + 255)));
        Assert.Equal((0, 0), walker.Classify(new AddressKey(true, first + 254)));
        Assert.Equal((0, 0), walker.Classify(new AddressKey(true, first + (UInt128.One << 64))));
        // One skip node and three nodes of one line, not fourteen levels.
        Assert.InRange(image.Lines - lone.Lines, 1, 4);
    }

    [Fact]
    public void Equal_policies_give_equal_bytes()
    {
        ImmutableArray<PeerRange<UInt128>> ranges = RandomRanges(new Random(4), 128, 100);
        Assert.Equal(
            PolicyImageEncoder.Encode(PolicyOf(ipv6: true, ranges)).Words.ToArray(),
            PolicyImageEncoder.Encode(PolicyOf(ipv6: true, ranges)).Words.ToArray()
        );
    }

    /// <summary>Prefixes of every length, each a boundary at its ends; neighbours differ in class or owner.</summary>
    private static ImmutableArray<PeerRange<UInt128>> RandomRanges(Random random, int width, int prefixes)
    {
        var starts = new SortedSet<UInt128> { 0 };
        UInt128 all = width == 128 ? UInt128.MaxValue : uint.MaxValue;
        for (int i = 0; i < prefixes; i++)
        {
            int open = random.Next(width + 1);
            UInt128 any = new((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64(long.MinValue, long.MaxValue));
            // Half of them close together, where paths are shared.
            UInt128 near = random.Next(2) == 0 ? any & all : (any & 0xffff) | ((UInt128)0x2001 << (width - 16));
            UInt128 first = open == 128 ? 0 : near >> open << open;
            starts.Add(first & all);
            UInt128 after = open >= width ? 0 : first + (UInt128.One << open);
            starts.Add(after & all);
        }

        int number = 0;
        return [.. starts.Select(start => new PeerRange<UInt128>(start, (ushort)(number++ % 900), (ushort)(number % 7 == 0 ? number % 500 : 0)))];
    }

    /// <summary>A policy of one unit that allows everything: only its addresses matter.</summary>
    private static CompiledPolicy PolicyOf(bool ipv6, ImmutableArray<PeerRange<UInt128>> ranges) =>
        new()
        {
            Peers = new PeerMap(
                ClassCount: 1000,
                ipv6 ? [new(0, 0, 0)] : [.. ranges.Select(range => new PeerRange<uint>((uint)range.First, range.Class, range.Unit))],
                ipv6 ? [.. ranges] : [new(0, 0, 0)]
            ),
            Ports = new PortMap(1, [.. Enum.GetValues<PortTable>().Select(_ => ImmutableArray.Create(new PortRun(0, 0)))]),
            Policies = [],
            Rows = [],
            Descriptors = [],
            LocalDescriptor = 0,
            Units = [],
            ExcludedInterfaces = [],
            Rules = [],
        };
}
