using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Filters;

/// <summary>
/// A policy of the host: so many /24 prefixes, shared out among as many networks as there are rules, each rule with a UDP port of its own; and the
/// packets that it allows.
/// </summary>
internal sealed class FilterPolicy
{
    /// <summary>The host's address.</summary>
    public const string Host = "198.51.100.1";

    /// <summary>The first and the last port that a rule may allow.</summary>
    public const int FirstPort = 4000;

    /// <summary>See <see cref="FirstPort"/>.</summary>
    public const int LastPort = 60000;

    private const int RulesOfRuleset = 100;
    private const ushort Ephemeral = 61000;

    private readonly int _rules;

    public FilterPolicy(int prefixes, int rules)
    {
        _rules = rules;
        Prefixes = [.. Enumerable.Range(0, prefixes).Select(Prefix)];
        int networks = Math.Min(rules, prefixes);
        var written = new WrittenPolicy
        {
            ExternalNetworks = [.. Enumerable.Range(0, networks).Select(one => Network(one, Prefixes.Where((_, i) => i % networks == one)))],
            Rulesets = [.. Enumerable.Range(0, rules).Chunk(RulesOfRuleset).Select((chunk, i) => Ruleset(i, chunk, networks))],
        };
        PolicyResolution resolution = PolicyResolver.Resolve(written, new HostInventory("host", [IPAddress.Parse(Host)], []), new PolicyOptions { RootDefault = DefaultAction.Reject });
        PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty);
        Compiled = compilation.Policy ?? throw new InvalidOperationException(compilation.Diagnostics[0].Message);
    }

    /// <summary>The prefixes.</summary>
    public string[] Prefixes { get; }

    /// <summary>The policy.</summary>
    public CompiledPolicy Compiled { get; }

    /// <summary>Senders and the ports that they may reach.</summary>
    /// <param name="count">How many.</param>
    public (IPAddress Source, ushort Port)[] Flows(int count)
    {
        var random = new Random(8);
        int networks = Math.Min(_rules, Prefixes.Length);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                {
                    int prefix = random.Next(Prefixes.Length);
                    int[] rules = [.. Enumerable.Range(0, _rules).Where(rule => rule % networks == prefix % networks)];
                    byte[] address = IPAddress.Parse(Prefixes[prefix].Split('/')[0]).GetAddressBytes();
                    address[3] = (byte)random.Next(1, 255);
                    return (new IPAddress(address), Port(rules[random.Next(rules.Length)]));
                }),
        ];
    }

    /// <summary>A frame of a flow: Ethernet, IPv4, UDP and 18 bytes, so that it is no shorter than a frame may be.</summary>
    /// <param name="flow">Who sends to which port.</param>
    /// <param name="destination">The host's link address.</param>
    public static byte[] Frame((IPAddress Source, ushort Port) flow, byte[] destination)
    {
        var frame = new byte[60];
        destination.CopyTo(frame, 0);
        frame[6] = 2;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x0800);
        Span<byte> ip = frame.AsSpan(14);
        (ip[0], ip[8], ip[9]) = (0x45, 64, 17);
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], 46);
        flow.Source.GetAddressBytes().CopyTo(ip[12..]);
        IPAddress.Parse(Host).GetAddressBytes().CopyTo(ip[16..]);
        uint sum = 0;
        for (int i = 0; i < 20; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(ip[i..]);
        }

        sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~(sum + (sum >> 16)));
        BinaryPrimitives.WriteUInt16BigEndian(ip[20..], Ephemeral);
        BinaryPrimitives.WriteUInt16BigEndian(ip[22..], flow.Port);
        // No checksum, which UDP over IPv4 allows.
        BinaryPrimitives.WriteUInt16BigEndian(ip[24..], 26);
        return frame;
    }

    /// <summary>Where answers go.</summary>
    public static IPEndPoint Answered((IPAddress Source, ushort Port) flow) => new(flow.Source, Ephemeral);

    // Every fifth /24 from 16.0.0.0 on, so that neighbours do not become one range.
    private static string Prefix(int number)
    {
        int block = number * 5;
        return string.Create(CultureInfo.InvariantCulture, $"{16 + (block >> 16)}.{(block >> 8) & 255}.{block & 255}.0/24");
    }

    private static ushort Port(int rule) => (ushort)(FirstPort + (rule * 7));

    private static ExternalNetwork Network(int number, IEnumerable<string> prefixes) =>
        new()
        {
            At = default,
            Name = Name("n", number),
            AssociatedTags = [$"externalnetwork:name=n{number}"],
            Entries = [.. prefixes.Select(text => new NetworkEntry(default, text, NetworkEntryKind.Network, PrefixOf(text)))],
        };

    private static IpPrefix PrefixOf(string text) => IpPrefix.Around(AddressKey.From(IPAddress.Parse(text.Split('/')[0])), 24);

    private static NetworkRuleset Ruleset(int number, int[] rules, int networks) =>
        new()
        {
            At = default,
            Name = Name("r", number),
            Subject = new TagExpression([["$name=host"]]),
            IncomingRules = [.. rules.Select(rule => Rule(rule, rule % networks))],
        };

    private static NetworkRule Rule(int number, int network) =>
        new()
        {
            At = default,
            Action = Verdict.Allow,
            Object = new TagExpression([[$"externalnetwork:name=n{network}"]]),
            ProtocolPorts = [new ProtocolPort($"udp/{Port(number)}", IanaProtocol.Udp, [new KeyRange(Port(number), Port(number))])],
        };

    private static string Name(string kind, int number) => string.Create(CultureInfo.InvariantCulture, $"{kind}{number}");
}
