using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Tests.Support;

/// <summary>What happens to a policy from one moment to the next.</summary>
internal static class RandomChange
{
    /// <summary>The policy with one object taken from another one, taken away or moved.</summary>
    public static PolicyCase Of(PolicyCase one, Random random, RandomPolicy generator)
    {
        PolicyCase other = generator.Next();
        WrittenPolicy written = one.Written;
        return random.Next(13) switch
        {
            12 => one with { Inventory = one.Inventory with { Addresses = other.Inventory.Addresses } },
            0 => one with { Written = written with { ExternalNetworks = other.Written.ExternalNetworks } },
            1 => one with { Options = one.Options with { FailsafeBeatsReject = !one.Options.FailsafeBeatsReject } },
            2 => one with { Options = one.Options with { Failsafe = other.Options.Failsafe } },
            3 => one with { Written = written with { Namespaces = other.Written.Namespaces } },
            4 => one with { Written = written with { ProcessingUnits = other.Written.ProcessingUnits }, Inventory = other.Inventory },
            5 => one with { Written = written with { Rulesets = [.. written.Rulesets.Reverse()] } },
            >= 8 when !written.ProcessingUnits.IsEmpty => one with { Written = written with { ProcessingUnits = WithAddresses(written.ProcessingUnits, random, generator) } },
            _ => one with { Written = written with { Rulesets = Changed(written.Rulesets, other.Written.Rulesets, random) } },
        };
    }

    /// <summary>An address joins a unit or leaves it; now and then beside one that there is.</summary>
    private static ImmutableArray<ProcessingUnit> WithAddresses(ImmutableArray<ProcessingUnit> units, Random random, RandomPolicy generator)
    {
        int at = random.Next(units.Length);
        ProcessingUnit unit = units[at];
        ImmutableArray<IPAddress> addresses = unit.Addresses;
        if (!addresses.IsEmpty && random.Next(3) == 0)
        {
            return units.SetItem(at, unit with { Addresses = addresses.RemoveAt(random.Next(addresses.Length)) });
        }
        AddressKey key = addresses.IsEmpty || random.Next(2) == 0 ? generator.Address() : Beside(AddressKey.From(addresses[random.Next(addresses.Length)]), random);
        IPAddress address = key.ToAddress();
        return units.Any(one => one.Addresses.Contains(address)) ? units : units.SetItem(at, unit with { Addresses = addresses.Add(address) });
    }

    private static AddressKey Beside(AddressKey key, Random random) => key with { Value = key.Value ^ (UInt128)(1 << random.Next(3)) };

    private static ImmutableArray<NetworkRuleset> Changed(ImmutableArray<NetworkRuleset> own, ImmutableArray<NetworkRuleset> other, Random random)
    {
        if (own.IsEmpty || other.IsEmpty)
        {
            return other;
        }
        int at = random.Next(own.Length);
        return random.Next(2) == 0 ? own.RemoveAt(at) : own.SetItem(at, other[random.Next(other.Length)]);
    }
}
