using System.Collections.Immutable;
using System.Globalization;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Tests.Support;

/// <summary>A policy with everything that bears on its meaning.</summary>
internal sealed record PolicyCase(WrittenPolicy Written, HostInventory Inventory, PolicyOptions Options);

/// <summary>
/// Makes small policies in which much overlaps: few names, few octets and few ports, so that networks nest, selectors hit and rules meet.
/// </summary>
internal sealed class RandomPolicy(Random random)
{
    private static readonly string[] Paths = ["", "/", "/", "/", "/a", "/a", "a", "/a/b", "/a/b/c", "/ab", "b"];
    private static readonly int[] LowLengths = [0, 0, 1, 8, 8, 9, 16, 16, 23, 24, 30, 31, 32];
    private static readonly int[] HighLengths = [0, 0, 8, 8, 32, 64, 127, 128];
    private static readonly string[] UserTags = ["app=a", "app=b", "app=ab", "role=x", "role=y", "env=p"];
    private static readonly string[] Selectors =
    [
        "app=a", "app=b", "app=a*", "app=*", "app=*b", "$identity=processingunit", "$identity=processingunit", "$identity=externalnetwork", "$identity=externalnetwork",
        "externalnetwork:name=n0", "externalnetwork:name=n1", "externalnetwork:name=n2", "externalnetwork:name=n*", "$name=u0", "$name=n1",
        "$type=Host", "$type=Docker", "$image=linux", "$namespace=/a", "$namespace=/a*", "$namespace=/a/*", "@org:group=g", "app:host:type=vm",
    ];

    private readonly HashSet<AddressKey> _taken = [];

    public PolicyCase Next()
    {
        _taken.Clear();
        var written = new WrittenPolicy
        {
            Namespaces = [.. Namespaces()],
            ExternalNetworks = Many(6, Network),
            ProcessingUnits = Units(),
            Rulesets = Many(16, Ruleset),
            EnforcerProfiles = Chance(4) ? [Profile("profile"), Profile("spare")] : [],
            EnforcerProfileMappings = Many(2, i => Mapping(isFallback: i == 1)),
        };
        var inventory = new HostInventory("box", [.. Many(3, _ => FreeAddress()).Select(key => key.ToAddress())], Chance(2) ? ["app:host:type=vm"] : []);
        written = written with { ProcessingUnits = Fleet(written.ProcessingUnits, inventory) };
        var options = new PolicyOptions
        {
            Namespace = One("/", "/a", "/a/b"),
            RootDefault = One(DefaultAction.Allow, DefaultAction.Reject),
            Failsafe = Chance(2) ? FailsafePorts() : FailsafePort.Defaults,
            FailsafeBeatsReject = Chance(3),
        };
        return new PolicyCase(written, inventory, options);
    }

    /// <summary>An address from the part of both spaces in which everything happens.</summary>
    public AddressKey Address() =>
        Chance(3)
            ? new AddressKey(true, ((UInt128)0xfd00 << 112) | ((UInt128)(uint)random.Next(3) << 64) | (uint)random.Next(4))
            : new AddressKey(false, (10u << 24) | ((uint)random.Next(3) << 16) | ((uint)random.Next(2) << 8) | (uint)random.Next(5));

    /// <summary>A port key from the part of a table in which everything happens.</summary>
    public ushort Key(PortTable table) =>
        table switch
        {
            PortTable.Tcp or PortTable.Udp => (ushort)One(0, 21, 22, 23, 53, 67, 68, 80, 443, 546, 547, 65535),
            PortTable.Other => (ushort)One(0, 47, 132, 255),
            _ => (ushort)((One(0, 3, 8, 127, 128, random.Next(128, 145), 255) << 8) | One(0, 0, 1, 255)),
        };

    private bool Chance(int one) => random.Next(one) == 0;

    private T One<T>(params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];

    private ImmutableArray<T> Many<T>(int most, Func<int, T> make) =>
        [.. Enumerable.Range(0, random.Next(most + 1)).Select(make)];

    private IEnumerable<NamespaceDefinition> Namespaces()
    {
        foreach (string path in (string[])["/", "/a", "/a/b", "/a/b/c", "/ab"])
        {
            if (Chance(2))
            {
                yield return new NamespaceDefinition
                {
                    At = Written.At(),
                    Name = path,
                    DefaultIncoming = One(DefaultAction.Inherit, DefaultAction.Allow, DefaultAction.Reject),
                    DefaultOutgoing = One(DefaultAction.Inherit, DefaultAction.Allow, DefaultAction.Reject),
                    TagPrefixes = Chance(3) ? [] : ["role=", "env="],
                    OrganizationalMetadata = Chance(3) ? ["@org:group=g"] : [],
                };
            }
        }
    }

    private AddressKey FreeAddress()
    {
        AddressKey key;
        do
        {
            key = Address();
        } while (!_taken.Add(key));
        return key;
    }

    private ImmutableArray<ProcessingUnit> Units()
    {
        var units = Many(4, Unit).ToBuilder();
        if (units.Count > 0 && Chance(3))
        {
            units[^1] = units[^1] with { Attach = new Attachment(AttachmentKind.Host, "") };
        }
        return units.ToImmutable();
    }

    // Sometimes one of the units elsewhere has an address of the host, and so is the host; only one may.
    private ImmutableArray<ProcessingUnit> Fleet(ImmutableArray<ProcessingUnit> units, HostInventory inventory)
    {
        ProcessingUnit? elsewhere = units.FirstOrDefault(unit => unit.Attach.Kind == AttachmentKind.None);
        bool hasHost = units.Any(unit => unit is { Attach.Kind: AttachmentKind.Host, Archived: false });
        return elsewhere is null || hasHost || inventory.Addresses.IsEmpty || Chance(2)
            ? units
            : units.Replace(elsewhere, elsewhere with { Addresses = elsewhere.Addresses.Add(inventory.Addresses[^1]) });
    }

    private ProcessingUnit Unit(int i) =>
        new()
        {
            At = Written.At(),
            Name = $"u{i}",
            Namespace = One(Paths),
            AssociatedTags = [.. UserTags.Where(_ => Chance(3))],
            Metadata = Chance(4) ? ["@org:group=g"] : [],
            Addresses = [.. Many(3, _ => FreeAddress()).Select(key => key.ToAddress())],
            Attach = new Attachment(One(AttachmentKind.Interface, AttachmentKind.Cgroup, AttachmentKind.None), $"if{i}"),
            Archived = Chance(10),
        };

    private IpPrefix Prefix()
    {
        AddressKey key = Address();
        return IpPrefix.Around(key, key.IsIPv6 ? One(HighLengths) : One(LowLengths));
    }

    private ImmutableArray<NetworkEntry> Entries()
    {
        var prefixes = Many(5, _ => Prefix()).Distinct().ToList();
        var entries = prefixes.Select((prefix, i) => Entry(prefix, isHole: i > 0 && Chance(2))).ToList();
        // A hole must lie in a network of the list, else the reader refuses it.
        entries.RemoveAll(entry => entry.Kind == NetworkEntryKind.Exclusion && !entries.Exists(other => Encloses(other, entry)));
        return [.. entries, .. Chance(6) ? [Written.Entry("www.example.com")] : Array.Empty<NetworkEntry>()];
    }

    private static bool Encloses(NetworkEntry outer, NetworkEntry hole) =>
        outer.Kind == NetworkEntryKind.Network
        && outer.Network.IsIPv6 == hole.Network.IsIPv6
        && outer.Network.Length <= hole.Network.Length
        && outer.Network.Contains(hole.Network.Address);

    private static NetworkEntry Entry(IpPrefix prefix, bool isHole) =>
        new(
            Written.At(),
            (isHole ? "!" : "") + prefix,
            isHole ? NetworkEntryKind.Exclusion : NetworkEntryKind.Network,
            prefix
        );

    private ExternalNetwork Network(int i) =>
        new()
        {
            At = Written.At(),
            Name = $"n{i}",
            Namespace = One(Paths),
            AssociatedTags = [$"externalnetwork:name=n{i}", .. UserTags.Where(_ => Chance(5))],
            Entries = Entries(),
            Propagate = !Chance(5),
            Archived = Chance(12),
        };

    private TagExpression Expression() =>
        new([.. Enumerable.Range(0, 1 + random.Next(2)).Select(_ => ImmutableArray.CreateRange(Clause()))]);

    private IEnumerable<string> Clause() => Enumerable.Range(0, One(1, 1, 1, 1, 2)).Select(_ => Selector()).Distinct();

    // Tags outside the default prefixes make their ruleset inactive, so they must be rare enough to leave most rulesets in force.
    private string Selector() => Chance(40) ? One("role=x", "env=p") : One(Selectors);

    private NetworkRuleset Ruleset(int i) =>
        new()
        {
            At = Written.At(),
            Name = string.Create(CultureInfo.InvariantCulture, $"r{random.Next(4)}"),
            Namespace = One(Paths),
            Subject = Chance(4) ? Expression() : Written.Tags("$identity=processingunit"),
            IncomingRules = Many(6, Rule),
            OutgoingRules = Many(6, Rule),
            Propagate = !Chance(4),
            Fallback = Chance(6),
            Disabled = Chance(15),
            Description = string.Create(CultureInfo.InvariantCulture, $"ruleset {i}"),
        };

    private NetworkRule Rule(int i) =>
        new()
        {
            At = Written.At(),
            Action = One(Verdict.Allow, Verdict.Allow, Verdict.Reject),
            Object = Expression(),
            ProtocolPorts = Chance(2) ? [] : Many(4, _ => Port()),
            LogsDisabled = Chance(4),
            ObservationEnabled = Chance(4),
            Name = Chance(3) ? string.Create(CultureInfo.InvariantCulture, $"rule {i}") : "",
        };

    private ProtocolPort Port()
    {
        string text = One("any", "tcp", "tcp", "udp", "udp", "icmp", "icmp6", "gre", "sctp", "hopopt");
        if (text is "tcp" or "udp")
        {
            int first = Key(PortTable.Tcp);
            text += Chance(2) || first == 65535 ? $"/{first}" : $"/{first}:{random.Next(first + 1, 65536)}";
        }
        else if (text is "icmp" or "icmp6" && !Chance(3))
        {
            text += $"/{One(0, 3, 8, 128, 134, 255)}" + (Chance(2) ? "" : One("/0", "/0:1", "/0,2:254"));
        }
        return Written.Port(text);
    }

    private ImmutableArray<FailsafePort> FailsafePorts() =>
        Many(
            4,
            _ => new FailsafePort(
                One(Direction.Incoming, Direction.Outgoing),
                One(IanaProtocol.Tcp, IanaProtocol.Udp),
                (ushort)One(0, 22, 53, 65535),
                Chance(2) ? Prefix() : null
            )
        );

    private EnforcerProfile Profile(string name) =>
        new()
        {
            At = Written.At(),
            Name = name,
            Namespace = "/",
            Propagate = true,
            ExcludedNetworks = Chance(2) ? Entries() : [],
            IgnoreExpression = Chance(4) ? Expression() : null,
            TargetNetworks = Chance(2) ? Entries() : [],
        };

    private EnforcerProfileMapping Mapping(bool isFallback) =>
        new()
        {
            At = Written.At(),
            Name = "mapping",
            Namespace = "/",
            Propagate = true,
            Subject = Written.Tags(One("$identity=enforcer", "@os:hostname=box", "$name=elsewhere")),
            Object = Written.Tags(isFallback ? "$name=spare" : "$name=profile"),
            Fallback = isFallback,
        };
}
