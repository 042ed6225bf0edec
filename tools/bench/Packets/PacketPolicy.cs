using System.Globalization;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Packets;

/// <summary>A policy of the host with so many IPv4 prefixes and 1,000 rules, and packets that it judges in a known way.</summary>
internal sealed class PacketPolicy
{
    /// <summary>The host's address.</summary>
    public const uint Host = 0xc6336401; // 198.51.100.1, TEST-NET-2

    private const int Rules = 1000;
    private const int RulesOfRuleset = 100;
    private const int MostNetworks = 500;
    private const ushort Ephemeral = 40_000;

    // Enough that one of so many packets is as it must be.
    private const int Few = 64;

    private readonly Random _random = new(8);
    private readonly IpPrefix[][] _networks;
    private readonly List<(Direction Direction, int Network, KeyRange Ports)> _allowing = [];
    private readonly CompiledPolicyReader _reader;

    /// <summary>Draws it; equal for equal parameters.</summary>
    /// <param name="prefixes">Prefixes of all networks together.</param>
    /// <param name="more">Whether it has one ruleset more, which none of the packets meets.</param>
    public PacketPolicy(int prefixes, bool more = false)
    {
        Prefixes = prefixes;
        _networks = Networks(prefixes);
        var written = new WrittenPolicy
        {
            ExternalNetworks = [.. _networks.Select(Network)],
            Rulesets = [.. Enumerable.Range(0, (Rules / RulesOfRuleset) + (more ? 1 : 0)).Select(Ruleset)],
        };
        var inventory = new HostInventory("host", [Address(Host)], []);
        var options = new PolicyOptions { RootDefault = DefaultAction.Reject };
        PolicyResolution resolution = PolicyResolver.Resolve(written, inventory, options);
        PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty);
        Compiled = compilation.Policy ?? throw new InvalidOperationException(compilation.Diagnostics[0].Message);
        _reader = new CompiledPolicyReader(Compiled);
    }

    public int Prefixes { get; }

    public CompiledPolicy Compiled { get; }

    /// <summary>Every prefix and the number of its network: what the reference tries hold.</summary>
    public IEnumerable<(IpPrefix Prefix, int Network)> Entries => _networks.SelectMany((entries, i) => entries.Select(prefix => (prefix, i)));

    /// <summary>Every (network, port range) that some rule names for incoming connections.</summary>
    public IEnumerable<(int Network, KeyRange Ports)> IncomingRules =>
        _allowing.Where(rule => rule.Direction == Direction.Incoming).Select(rule => (rule.Network, rule.Ports));

    /// <summary>Packets towards the host that their own direction allows.</summary>
    public BenchTuple[] AllowedIn(int count, byte protocol, byte flags) =>
        Draw(
            count,
            Direction.Incoming,
            (peer, service) =>
                Allows(Direction.Incoming, peer, protocol, service) ? new BenchTuple(peer, Ephemeral, Host, service, protocol, flags) : null
        );

    /// <summary>A service that the host may open.</summary>
    public IPEndPoint AllowedOut() => End(AnswersIn(Few, IanaProtocol.Tcp, 0));

    /// <summary>One that it may not: of a peer and on a port that a rule about incoming connections names.</summary>
    public IPEndPoint DeniedOut() =>
        End(Draw(Few, Direction.Incoming, (peer, service) => Allows(Direction.Outgoing, peer, IanaProtocol.Tcp, service) ? null : new BenchTuple(peer, service, Host, Ephemeral, IanaProtocol.Tcp, 0)));

    // Networks are drawn from all addresses, and connect(2) takes those of single hosts alone.
    private static IPEndPoint End(BenchTuple[] drawn)
    {
        BenchTuple tuple = drawn.First(one => one.Source >> 24 is > 0 and < 224 and not 127 && one.SourcePort != 0);
        return new IPEndPoint(new AddressKey(false, tuple.Source).ToAddress(), tuple.SourcePort);
    }

    /// <summary>SYNs towards the host that a rule or the default rejects: to any service of any peer, because what a rule names is mostly allowed.</summary>
    public BenchTuple[] DeniedIn(int count, byte flags) =>
        Draw(
            count,
            Direction.Incoming,
            (peer, _) =>
                (ushort)_random.Next(1, Ephemeral) is var service && Allows(Direction.Incoming, peer, IanaProtocol.Tcp, service)
                    ? null
                    : new BenchTuple(peer, Ephemeral, Host, service, IanaProtocol.Tcp, flags)
        );

    /// <summary>Answers to the host that only the flow allows: the host may open it, the peer may not.</summary>
    public BenchTuple[] AnswersIn(int count, byte protocol, byte flags) =>
        Draw(
            count,
            Direction.Outgoing,
            (peer, service) =>
                Allows(Direction.Outgoing, peer, protocol, service) && !Allows(Direction.Incoming, peer, protocol, Ephemeral)
                    ? new BenchTuple(peer, service, Host, Ephemeral, protocol, flags)
                    : null
        );

    private BenchTuple[] Draw(int count, Direction direction, Func<uint, ushort, BenchTuple?> choose)
    {
        var rules = _allowing.Where(rule => rule.Direction == direction).ToArray();
        var drawn = new BenchTuple[count];
        for (int i = 0, misses = 0; i < count;)
        {
            (_, int network, KeyRange ports) = rules[_random.Next(rules.Length)];
            IpPrefix prefix = _networks[network][_random.Next(_networks[network].Length)];
            uint peer = (uint)AddressSpan.Of(prefix).First | (uint)_random.NextInt64(1L << (32 - prefix.Length));
            if (choose(peer, (ushort)_random.Next(ports.First, ports.Last + 1)) is { } tuple && peer != Host)
            {
                drawn[i++] = tuple;
            }
            else if (++misses > 100 * count)
            {
                throw new InvalidOperationException("the policy judges hardly any packet as the bench needs it");
            }
        }
        return drawn;
    }

    private bool Allows(Direction direction, uint peer, byte protocol, ushort port) =>
        _reader
            .Judge(LocalUnit.HostNumber, direction, new AddressKey(false, peer), CompiledPolicyReader.TableOf(protocol, isOnLink: false), port)
            .Verdict == Verdict.Allow;

    private IpPrefix[][] Networks(int prefixes)
    {
        int networks = Math.Min(MostNetworks, prefixes);
        var seen = new HashSet<IpPrefix>();
        while (seen.Count < prefixes)
        {
            seen.Add(IpPrefix.Around(new AddressKey(false, (uint)_random.NextInt64(1L << 32)), Length()));
        }
        return [.. seen.Select((prefix, i) => (prefix, Network: i % networks)).GroupBy(one => one.Network, one => one.prefix).Select(group => group.ToArray())];
    }

    // As in address lists: mostly /24, a fifth single addresses. One in a thousand is wide and covers some of the others.
    private int Length() =>
        _random.Next(1000) switch
        {
            0 => _random.Next(8, 14),
            < 300 => _random.Next(18, 24),
            < 700 => 24,
            < 800 => _random.Next(25, 32),
            _ => 32,
        };

    private static ExternalNetwork Network(IpPrefix[] entries, int number) =>
        new()
        {
            At = default,
            Name = Name("n", number),
            AssociatedTags = [$"externalnetwork:name=n{number}"],
            Entries = [.. entries.Select(prefix => new NetworkEntry(default, prefix.ToString(), NetworkEntryKind.Network, prefix))],
        };

    private NetworkRuleset Ruleset(int number) =>
        new()
        {
            At = default,
            Name = Name("r", number),
            Subject = Tags("$name=host"),
            IncomingRules = [.. Enumerable.Range(0, RulesOfRuleset / 2).Select(_ => Rule(Direction.Incoming))],
            OutgoingRules = [.. Enumerable.Range(0, RulesOfRuleset / 2).Select(_ => Rule(Direction.Outgoing))],
        };

    private NetworkRule Rule(Direction direction)
    {
        int network = _random.Next(_networks.Length);
        ushort first = (ushort)(_random.Next(300) * 100);
        var ports = new KeyRange(first, (ushort)(first + _random.Next(30)));
        bool allows = _random.Next(5) != 0;
        if (allows)
        {
            _allowing.Add((direction, network, ports));
        }
        return new NetworkRule
        {
            At = default,
            Action = allows ? Verdict.Allow : Verdict.Reject,
            Object = Tags($"externalnetwork:name=n{network}"),
            ProtocolPorts =
            [
                new ProtocolPort($"tcp/{ports.First}:{ports.Last}", IanaProtocol.Tcp, [ports]),
                new ProtocolPort($"udp/{ports.First}:{ports.Last}", IanaProtocol.Udp, [ports]),
            ],
        };
    }

    private static IPAddress Address(uint value) => new AddressKey(false, value).ToAddress();

    private static TagExpression Tags(string tag) => new([[tag]]);

    private static string Name(string kind, int number) => string.Create(CultureInfo.InvariantCulture, $"{kind}{number}");
}
