using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Flows;

/// <summary>Who has an address, by the policy that is enforced.</summary>
/// <remarks>
/// A processing unit goes before every external network. Of several networks the one with the longest matching prefix is named, then the one
/// written first; a network whose longest match is a hole does not have the address. A hash table for each prefix length: a policy has few
/// different ones, and only records ask, not packets.
/// </remarks>
public sealed class AddressBook
{
    private readonly Dictionary<AddressKey, FlowEndpoint> _units = [];
    private readonly Dictionary<IpPrefix, List<Claim>> _claims = [];
    private readonly Dictionary<(string Namespace, string Name), FlowEndpoint> _named = [];
    private readonly int[] _lengthsOfIPv4;
    private readonly int[] _lengthsOfIPv6;
    private readonly FlowEndpoint[] _networks;

    /// <summary>Writes the book of a policy.</summary>
    /// <param name="policy">Its units and networks.</param>
    public AddressBook(ResolvedPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        foreach (ResolvedUnit unit in policy.Units)
        {
            FlowEndpoint endpoint = FlowEndpoint.Unit(unit.Namespace, unit.Name, unit.Tags);
            _named.TryAdd((unit.Namespace, unit.Name), endpoint);
            foreach (UnitAddress address in unit.Addresses)
            {
                // The host comes first, and an address that a pod claims too is the pod's.
                _units[address.Key] = endpoint;
            }
        }

        _networks = [.. policy.Networks.Select(FlowEndpoint.Of)];
        for (int network = 0; network < policy.Networks.Length; network++)
        {
            foreach (NetworkEntry entry in policy.Networks[network].Entries.Where(entry => entry.Kind != NetworkEntryKind.HostName))
            {
                Claim(entry.Network).Add(new Claim(network, IsHole: entry.Kind != NetworkEntryKind.Network));
            }
        }

        _lengthsOfIPv4 = Lengths(isIPv6: false);
        _lengthsOfIPv6 = Lengths(isIPv6: true);
    }

    /// <summary>Who has an address; <see cref="FlowEndpoint.Unknown"/> when the policy does not say.</summary>
    /// <param name="address">Of either family.</param>
    public FlowEndpoint Find(AddressKey address)
    {
        if (_units.TryGetValue(address, out FlowEndpoint? unit))
        {
            return unit;
        }

        // Bit by bit, who has said with a longer prefix that the address is not theirs; only ever needed where there are holes.
        HashSet<int>? excluded = null;
        foreach (int length in address.IsIPv6 ? _lengthsOfIPv6 : _lengthsOfIPv4)
        {
            if (!_claims.TryGetValue(IpPrefix.Around(address, length), out List<Claim>? claims))
            {
                continue;
            }

            foreach (Claim claim in claims)
            {
                if (claim.IsHole)
                {
                    (excluded ??= []).Add(claim.Network);
                }
                else if (excluded is null || !excluded.Contains(claim.Network))
                {
                    return _networks[claim.Network];
                }
            }
        }

        return FlowEndpoint.Unknown;
    }

    /// <summary>A unit by its name, with its tags; null when the policy has none of that name.</summary>
    /// <param name="space">Absolute path of its namespace.</param>
    /// <param name="name">Its name.</param>
    public FlowEndpoint? Unit(string space, string name) => _named.GetValueOrDefault((space, name));

    private List<Claim> Claim(IpPrefix prefix)
    {
        if (!_claims.TryGetValue(prefix, out List<Claim>? claims))
        {
            _claims[prefix] = claims = [];
        }

        return claims;
    }

    private int[] Lengths(bool isIPv6) =>
        [.. _claims.Keys.Where(prefix => prefix.IsIPv6 == isIPv6).Select(prefix => prefix.Length).Distinct().OrderDescending()];
}

/// <summary>That an external network has the addresses of a prefix, or just not these.</summary>
/// <param name="Network">Its index.</param>
/// <param name="IsHole">It has not.</param>
internal readonly record struct Claim(int Network, bool IsHole);
