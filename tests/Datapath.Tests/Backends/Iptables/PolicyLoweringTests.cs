using System.Collections.Immutable;
using System.Net;
using System.Text.RegularExpressions;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>The chains that iptables walks say what the tables say.</summary>
public sealed class PolicyLoweringTests(ITestOutputHelper output)
{
    [Fact]
    public void Chains_answer_like_the_tables_they_were_made_from()
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        int compared = 0;
        for (int number = 0; number < 80; number++)
        {
            var random = new Random(unchecked((seed * 1_000_003) + number));
            var generator = new RandomPolicy(random);
            PolicyCase one = generator.Next();
            CompiledPolicy compiled = LoweringCase.Compile(one);
            var edges = new PolicyEdges(one);
            var judges = new Judges(compiled);
            for (int i = 0; i < 300 && judges.Units.Length > 0; i++)
            {
                LocalUnit unit = judges.Units[random.Next(judges.Units.Length)];
                var direction = (Direction)random.Next(2);
                AddressKey peer = edges.Address(random, generator.Address);
                (PortTable table, ushort key) = edges.Port(random, generator.Key);
                if (judges.Ask(unit, direction, peer, table, key) is { } said)
                {
                    compared++;
                    Descriptor expected = judges.Expected(unit, direction, peer, table, key);
                    Assert.True(
                        new WalkedJudgement(expected.RuleIndex, expected.Verdict == Verdict.Allow) == said,
                        $"seed {seed}, policy {number}, {unit.Name} {direction} {peer} {table} {key}: expected {expected}, chains say {said}"
                    );
                }
            }
        }

        Assert.InRange(compared, 1000, int.MaxValue);
    }

    [Fact]
    public void Marks_of_others_are_as_they_were_and_ours_are_gone()
    {
        var judges = new Judges(LoweringCase.Compile(ThreeNetworks()));
        LocalUnit unit = judges.Units[0];
        foreach (uint before in (uint[])[0, 0x0000_ffff, 0x7fe0_1234])
        {
            Assert.NotNull(judges.Ask(unit, Direction.Incoming, AddressKey.From(new([10, 0, 0, 1])), PortTable.Tcp, 80, before));
            Assert.Equal(before, judges.MarkAfter);
        }
    }

    [Fact]
    public void A_units_traffic_with_itself_is_counted_and_marks_no_connection()
    {
        CompiledPolicy compiled = LoweringCase.Compile(ThreeNetworks());
        LoweredPolicy lowered = LoweringCase.Lower(compiled, Judges.Host(compiled));
        string[] lines = lowered.IPv4.Chains(lowered.Names, 1, lowered.Checksum).Split('\n');
        int local = compiled.Rules.Single(rule => rule.Rule.Kind == RuleKind.Local).Index;
        string counted = Assert.Single(lines, line => line.Contains($"--comment r{local} -j MARK ", StringComparison.Ordinal));
        string chain = string.Join(' ', counted.Split(' ')[..2]);
        Assert.Equal([counted], lines.Where(line => line.StartsWith(chain + " ", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_thousand_rules_are_looked_for_in_a_few_dozen_steps()
    {
        string[] ports = [.. Enumerable.Range(0, 1000).Select(i => $"tcp/{(3 * i) + 1}")];
        NetworkRuleset ruleset = Written.Ruleset("many", "app=a") with
        {
            IncomingRules = [.. ports.Select((port, i) => Written.Allow($"externalnetwork:name=n{i}", port))],
        };
        WrittenPolicy written = new()
        {
            ProcessingUnits = [Written.Unit("u", "app=a", "10.9.0.1").On("if0")],
            ExternalNetworks = [.. Enumerable.Range(0, 1000).Select(i => Written.Network($"n{i}", $"10.{i / 250}.{i % 250}.0/24", "10.200.0.0/16"))],
            Rulesets = [ruleset],
        };
        var judges = new Judges(LoweringCase.Compile(new PolicyCase(written, HostInventory.Unknown, new())));
        foreach (int i in (int[])[0, 499, 999])
        {
            AddressKey peer = AddressKey.From(new([10, 200, 3, (byte)i]));
            WalkedJudgement? said = judges.Ask(judges.Units[0], Direction.Incoming, peer, PortTable.Tcp, (ushort)((3 * i) + 1));
            Assert.True(said!.Passes);
            // Five steps of up to four ways for ports, five for addresses, and what stands around them.
            Assert.InRange(judges.Steps, 1, 90);
        }
    }

    [Fact]
    public void Every_edge_of_three_hundred_port_ranges_is_found_in_the_tree()
    {
        NetworkRuleset ruleset = Written.Ruleset("ranges", "app=a") with
        {
            IncomingRules = [Written.Allow("externalnetwork:name=all", [.. Enumerable.Range(0, 300).Select(i => $"tcp/{10 * i}:{(10 * i) + 5}")])],
        };
        WrittenPolicy written = new()
        {
            ProcessingUnits = [Written.Unit("u", "app=a", "10.9.0.1").On("if0")],
            ExternalNetworks = [Written.Network("all", "10.200.0.0/16")],
            Rulesets = [ruleset],
        };
        PolicyOptions closed = new() { RootDefault = DefaultAction.Reject };
        var judges = new Judges(LoweringCase.Compile(new PolicyCase(written, HostInventory.Unknown, closed)));
        AddressKey peer = AddressKey.From(new([10, 200, 3, 1]));
        for (int port = 0; port < 3010; port++)
        {
            WalkedJudgement? said = judges.Ask(judges.Units[0], Direction.Incoming, peer, PortTable.Tcp, (ushort)port);
            Assert.True(said!.Passes == (port < 3000 && port % 10 <= 5), $"tcp/{port}");
        }
    }

    [Fact]
    public void More_classes_than_the_mark_has_numbers_for_are_refused()
    {
        CompiledPolicy compiled = LoweringCase.Compile(ThreeNetworks());
        HostSnapshot host = Judges.Host(compiled);
        var narrow = LoweringCase.Options with { PacketMarkMask = 0x7_0000 };
        var refusal = Assert.Throws<Datapath.Backends.PolicyTooLargeException>(() => PolicyLowering.Lower(compiled, UnitPlaces.Of(compiled, host), narrow));
        Assert.Equal(2, refusal.Available);
    }

    [Fact]
    public void Marks_have_no_bit_but_those_that_were_given()
    {
        CompiledPolicy compiled = LoweringCase.Compile(ThreeNetworks());
        IptablesOptions given = LoweringCase.Options with { PacketMarkMask = 0x0ff0, ConnectionMarkBits = 0x8000_0005 };
        Assert.Equal((0x8000_0000u, 0x4u, 0x1u), (given.ConnectionMarkBit, given.RevokedMarkBit, given.CgroupMarkBit));
        Assert.Equal(IptablesOptions.DefaultConnectionMarkBits, LoweringCase.Options.ConnectionMarkBits);
        Assert.Throws<ArgumentException>(() => LoweringCase.Options with { ConnectionMarkBits = 0x3 });
        LoweredPolicy lowered = PolicyLowering.Lower(compiled, UnitPlaces.Of(compiled, Judges.Host(compiled)), given);
        foreach (string rule in lowered.Families.SelectMany(family => family.Chains(lowered.Names, 1, "").Split('\n')))
        {
            foreach (Match bits in Regex.Matches(rule, " (-m mark|-m connmark|-j MARK|-j CONNMARK) (! )?--(mark|set-xmark) 0x[0-9a-f]+/0x(?<bits>[0-9a-f]+)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)))
            {
                uint own = bits.Value.Contains("conn", StringComparison.OrdinalIgnoreCase) ? given.ConnectionMarkBits : given.PacketMarkMask;
                Assert.True((Convert.ToUInt32(bits.Groups["bits"].Value, 16) & ~own) == 0, rule);
            }
        }
    }

    [Fact]
    public void The_example_is_lowered_to_the_recorded_text()
    {
        CompiledPolicy compiled = LoweringCase.Compile(ThreeNetworks());
        LoweredPolicy lowered = LoweringCase.Lower(compiled, Judges.Host(compiled));
        string text = lowered.IPv4.Set(lowered.Names, 1) + lowered.IPv4.Chains(lowered.Names, 1, lowered.Checksum);
        Golden.AssertMatches(Path.Combine(Architecture.Repository.Root, "tests/Datapath.Tests/Backends/Iptables/three-networks.txt"), text);
    }

    [Theory]
    [InlineData(4, true)]
    [InlineData(5, false)]
    public void A_few_addresses_of_the_host_are_compared_before_the_kernels_tables_are_asked(int count, bool areCompared)
    {
        CompiledPolicy compiled = LoweringCase.Compile(HostAlone());
        IPAddress[] addresses = [.. Enumerable.Range(1, count).Select(last => new IPAddress([10, 9, 0, (byte)last])), IPAddress.Parse("fd00::1"), IPAddress.Parse("fe80::1")];
        LoweredPolicy lowered = LoweringCase.Lower(compiled, Judges.Host(compiled, addresses));
        foreach ((string hook, string option, string link, LoweredFamily family) in lowered.Families.SelectMany(family => (
            new[] { ("pre", "-d", "-i", family), ("post", "-s", "-o", family) }
        )))
        {
            string[] rules = [.. family.Chains(lowered.Names, 1, "").Split('\n').Where(line => line.StartsWith($"-A {lowered.Names.Chain(1, hook)} ", StringComparison.Ordinal))];
            string asked = rules.First(line => line.Contains("-m addrtype", StringComparison.Ordinal));
            string end = asked[asked.IndexOf("-g ", StringComparison.Ordinal)..];
            string[] expected = family.Family.IsIPv6 ? ["fd00::1/128"] : areCompared ? [.. addresses[..count].Select(one => $"{one}/32")] : [];
            Assert.Equal(expected.Select(one => $"-A {lowered.Names.Chain(1, hook)} {option} {one} ! {link} lo {end}"), rules.TakeWhile(line => line != asked));
        }
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(5, true)]
    public void A_few_addresses_of_the_host_are_rules_and_no_entries_of_the_set(int count, bool areEntries)
    {
        CompiledPolicy compiled = LoweringCase.Compile(HostAlone([.. Enumerable.Range(1, count).Select(last => new IPAddress([10, 9, 0, (byte)last]))]));
        LoweredPolicy lowered = LoweringCase.Lower(compiled, Judges.Host(compiled));
        string set = lowered.IPv4.Set(lowered.Names, 1);
        Assert.Equal(areEntries, set.Contains(" 10.9.0.", StringComparison.Ordinal));

        // What it sends to itself by another way than loopback is its own either way.
        var walker = new ChainWalker(lowered.IPv4.Chains(lowered.Names, 1, ""), set, isIPv6: false);
        AddressKey[] ends = [AddressKey.From(IPAddress.Parse("10.9.0.1")), AddressKey.From(new IPAddress([10, 9, 0, (byte)count]))];
        int local = compiled.Rules.Single(rule => rule.Rule.Kind == RuleKind.Local).Index;
        Assert.Equal(
            [new WalkedJudgement(local, Passes: true)],
            walker.Walk(lowered.IPv4.Anchors(1)[1].Chain, LoweringCase.Uplink, new WalkedPacket(ends[0], ends[1], IanaProtocol.Tcp, 81), isLocal: true)
        );
    }

    [Fact]
    public void What_the_host_sends_beside_pods_is_judged_once()
    {
        CompiledPolicy compiled = LoweringCase.Compile(ThreeNetworks());
        LoweredPolicy lowered = LoweringCase.Lower(compiled, Judges.Host(compiled, IPAddress.Parse("10.9.0.1")));
        var walker = new ChainWalker(lowered.IPv4.Chains(lowered.Names, 1, ""), lowered.IPv4.Set(lowered.Names, 1), isIPv6: false);
        var packet = new WalkedPacket(AddressKey.From(IPAddress.Parse("10.9.0.1")), AddressKey.From(IPAddress.Parse("192.0.2.7")), IanaProtocol.Tcp, 80);
        Assert.Single(walker.Walk(lowered.IPv4.Anchors(1)[1].Chain, LoweringCase.Uplink, packet, isLocal: true));
    }

    [Fact]
    public void Equal_policies_have_equal_checksums_and_others_have_others()
    {
        LoweredPolicy Lower(PolicyCase one)
        {
            CompiledPolicy compiled = LoweringCase.Compile(one);
            return LoweringCase.Lower(compiled, Judges.Host(compiled));
        }

        PolicyCase other = ThreeNetworks() with { };
        other = other with { Written = other.Written with { ExternalNetworks = [Written.Network("office", "10.0.0.0/9"), .. other.Written.ExternalNetworks[1..]] } };
        Assert.Equal(Lower(ThreeNetworks()).Checksum, Lower(ThreeNetworks()).Checksum);
        Assert.NotEqual(Lower(ThreeNetworks()).Checksum, Lower(other).Checksum);
    }

    [Theory]
    [InlineData("web0+")]
    [InlineData("we b0")]
    [InlineData("we\"b0")]
    public void An_interface_whose_name_would_mean_something_else_is_not_taken(string name)
    {
        CompiledPolicy compiled = LoweringCase.Compile(ThreeNetworks(name));
        UnitPlaces places = UnitPlaces.Of(compiled, Judges.Host(compiled));
        Assert.Empty(places.Pods);
        Assert.Contains(places.NotEnforced, one => one.Reason == $"iptables takes no interface with the name {name}");
    }

    private static PolicyCase HostAlone(params IPAddress[] addresses) =>
        new(
            new WrittenPolicy { Rulesets = [Written.Ruleset("host", "$type=Host") with { IncomingRules = [Written.Allow("externalnetwork:name=office", "tcp/80")] }] },
            new HostInventory("box", addresses.Length > 0 ? [.. addresses] : [IPAddress.Parse("10.9.0.1"), IPAddress.Parse("fd00::1")], []),
            new()
        );

    private static PolicyCase ThreeNetworks(string link = "web0")
    {
        NetworkRuleset ruleset = Written.Ruleset("web", "app=a") with
        {
            IncomingRules =
            [
                Written.Allow("externalnetwork:name=office", "tcp/80", "tcp/443", "udp/53", "icmp/8", "icmp6/128", "gre"),
                Written.Reject("externalnetwork:name=guests", "any"),
            ],
            OutgoingRules = [Written.Allow("externalnetwork:name=store", "tcp/5432:5439", "tcp/9000")],
        };
        WrittenPolicy written = new()
        {
            ProcessingUnits = [Written.Unit("web", "app=a", "10.78.0.2", "2001:db8:78::2").On(link)],
            ExternalNetworks =
            [
                Written.Network("office", "10.0.0.0/8", "2001:db8::/32"),
                Written.Network("guests", "10.1.0.0/16", "2001:db8:1::/48"),
                Written.Network("store", "192.0.2.0/24"),
            ],
            Rulesets = [ruleset],
        };
        return new PolicyCase(written, HostInventory.Unknown, new());
    }

    /// <summary>A lowered policy beside the tables that it was made from.</summary>
    private sealed class Judges
    {
        private readonly CompiledPolicy _policy;
        private readonly CompiledPolicyReader _reader;
        private readonly LoweredPolicy _lowered;
        private readonly ImmutableArray<ChainWalker> _walkers;

        public Judges(CompiledPolicy policy)
        {
            _policy = policy;
            _reader = new CompiledPolicyReader(policy);
            UnitPlaces places = UnitPlaces.Of(policy, Host(policy));
            _lowered = PolicyLowering.Lower(policy, places, LoweringCase.Options);
            _walkers =
            [
                .. _lowered.Families.Select(family => new ChainWalker(family.Chains(_lowered.Names, 1, ""), family.Set(_lowered.Names, 1), family.Family.IsIPv6)),
            ];
            Units = [.. places.Pods.Select(pod => pod.Unit), .. places.Host is { } host ? [host] : ImmutableArray<LocalUnit>.Empty];
        }

        public ImmutableArray<LocalUnit> Units { get; }

        public uint MarkAfter { get; private set; }

        public int Steps { get; private set; }

        public static HostSnapshot Host(CompiledPolicy policy, params IPAddress[] addresses) =>
            LoweringCase.Host(policy.Units.Where(unit => unit.Attach.Kind == AttachmentKind.Interface).Select(unit => unit.Attach.Target), addresses);

        public Descriptor Expected(LocalUnit unit, Direction direction, AddressKey peer, PortTable table, ushort key) =>
            _policy.Descriptors[_reader.DescriptorIndex(unit.Number, direction, peer, table, key)];

        /// <summary>Null where no packet can ask so, or where iptables cannot tell.</summary>
        public WalkedJudgement? Ask(LocalUnit unit, Direction direction, AddressKey peer, PortTable table, ushort key, uint mark = 0)
        {
            bool isForeign = peer.IsIPv6 ? table == PortTable.Icmp : table is PortTable.Icmp6 or PortTable.Icmp6OnLink;
            bool isReserved = (table == PortTable.Other && key is 0 or 1 or 6 or 17 or 58) || (table == PortTable.Icmp && key >> 8 == 255);
            // What comes in with the unit's own address only claims to be its own.
            bool isOwn = direction == Direction.Incoming && _reader.DescriptorIndex(unit.Number, direction, peer, table, key) == _policy.LocalDescriptor;
            // Whoever has no address yet is the host: such packets are never forwarded to a pod.
            bool isUnspecified = unit.Number != LocalUnit.HostNumber && direction == Direction.Incoming && peer.Value == 0;
            if (isForeign || isReserved || isOwn || isUnspecified)
            {
                return null;
            }

            int protocol = table switch
            {
                PortTable.Tcp => IanaProtocol.Tcp,
                PortTable.Udp => IanaProtocol.Udp,
                PortTable.Icmp => IanaProtocol.Icmp,
                PortTable.Icmp6 or PortTable.Icmp6OnLink => IanaProtocol.IcmpV6,
                _ => key,
            };
            var self = new AddressKey(peer.IsIPv6, 1);
            int hopLimit = table == PortTable.Icmp6OnLink ? 255 : 64;
            WalkedPacket packet = direction == Direction.Incoming ? new(peer, self, protocol, key, hopLimit) : new(self, peer, protocol, key, hopLimit);
            bool isHost = unit.Number == LocalUnit.HostNumber;
            // Into the host at PREROUTING and out of it at POSTROUTING; for a pod the other way round.
            int hook = isHost == (direction == Direction.Incoming) ? 0 : 1;
            ChainWalker walker = _walkers[peer.IsIPv6 ? 1 : 0];
            string root = _lowered.Families[peer.IsIPv6 ? 1 : 0].Anchors(1)[hook].Chain;
            IReadOnlyList<WalkedJudgement> said = walker.Walk(root, isHost ? LoweringCase.Uplink : unit.Attach.Target, packet, isLocal: isHost, mark);
            (MarkAfter, Steps) = (walker.Mark, walker.Steps);
            // What a pod sends to everybody is for the host too, which judges after the pod.
            bool isForBoth = peer.IsIPv6 && peer.Value >> 120 == 0xff && !isHost && said[0].Passes;
            Assert.InRange(said.Count, 1, isForBoth ? 2 : 1);
            return said[0];
        }
    }
}
