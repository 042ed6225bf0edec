using System.Globalization;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Policies;

/// <summary>Policies of a given size, equal for equal sizes.</summary>
/// <param name="Networks">External networks.</param>
/// <param name="Prefixes">Prefixes in all of them together, a fifth of them IPv6.</param>
/// <param name="Rules">Rules in all rulesets together, 100 in each.</param>
/// <param name="Units">Processing units of this host.</param>
/// <param name="Groups">Distinct policies among them.</param>
internal sealed record LargePolicy(int Networks, int Prefixes, int Rules, int Units, int Groups)
{
    private const int RulesOfRuleset = 100;
    private const int PortLists = 300;

    public WrittenPolicy Write()
    {
        var random = new Random(4);
        return new WrittenPolicy
        {
            ExternalNetworks = [.. Enumerable.Range(0, Networks).Select(i => Network(random, i))],
            Rulesets = [.. Enumerable.Range(0, Math.Max(1, Rules / RulesOfRuleset)).Select(i => Ruleset(random, i))],
            ProcessingUnits = [.. Enumerable.Range(0, Units).Select(Unit)],
        };
    }

    private ExternalNetwork Network(Random random, int number)
    {
        var entries = new HashSet<IpPrefix>();
        while (entries.Count < Prefixes / Networks)
        {
            entries.Add(random.Next(5) == 0 ? High(random) : Low(random));
        }
        return new ExternalNetwork
        {
            At = default,
            Name = Name("n", number),
            AssociatedTags = [$"externalnetwork:name=n{number}"],
            Entries = [.. entries.Select(prefix => new NetworkEntry(default, prefix.ToString(), NetworkEntryKind.Network, prefix))],
        };
    }

    // Mostly narrow prefixes, as in address lists; one in a thousand is wide and covers some of the others.
    private static IpPrefix Low(Random random) =>
        IpPrefix.Around(new AddressKey(false, (uint)random.NextInt64(1L << 32)), random.Next(1000) == 0 ? random.Next(8, 14) : random.Next(18, 33));

    private static IpPrefix High(Random random) =>
        IpPrefix.Around(
            new AddressKey(true, ((UInt128)0x2001 << 112) | ((UInt128)(ulong)random.NextInt64() << 48)),
            random.Next(1000) == 0 ? random.Next(24, 32) : random.Next(40, 65)
        );

    private NetworkRuleset Ruleset(Random random, int number) =>
        new()
        {
            At = default,
            Name = Name("r", number),
            Subject = Tags($"app=g{number % Groups}"),
            IncomingRules = [.. Enumerable.Range(0, RulesOfRuleset / 2).Select(_ => Rule(random))],
            OutgoingRules = [.. Enumerable.Range(0, RulesOfRuleset / 2).Select(_ => Rule(random))],
        };

    private NetworkRule Rule(Random random)
    {
        int list = random.Next(PortLists);
        ushort first = (ushort)(list * 100);
        ushort last = (ushort)(first + (list % 3 * 10));
        return new NetworkRule
        {
            At = default,
            Action = random.Next(5) == 0 ? Verdict.Reject : Verdict.Allow,
            Object = Tags($"externalnetwork:name=n{random.Next(Networks)}"),
            ProtocolPorts = [new ProtocolPort(Name("tcp/", list), IanaProtocol.Tcp, [new KeyRange(first, last)])],
        };
    }

    private ProcessingUnit Unit(int number) =>
        new()
        {
            At = default,
            Name = Name("u", number),
            AssociatedTags = [$"app=g{number % Groups}"],
            Attach = new Attachment(AttachmentKind.Interface, Name("veth", number)),
            Addresses = [new IPAddress([10, 77, (byte)(number >> 8), (byte)number])],
        };

    private static TagExpression Tags(string tag) => new([[tag]]);

    private static string Name(string kind, int number) => string.Create(CultureInfo.InvariantCulture, $"{kind}{number}");
}
