using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Evaluation;

/// <summary>The three ways in which something written matches: tags, networks, ports.</summary>
internal static class WrittenMatch
{
    /// <summary>One clause of which every tag is there.</summary>
    public static bool Tags(TagExpression expression, HashSet<string> tags) =>
        expression.Clauses.Any(clause => clause.All(selector => Tag(selector, tags)));

    /// <summary>An address is a member when the longest entry that contains it is not a hole.</summary>
    public static bool Network(ImmutableArray<NetworkEntry> entries, AddressKey address) =>
        entries
            .Where(entry => entry.Kind != NetworkEntryKind.HostName)
            .Where(entry => entry.Network.IsIPv6 == address.IsIPv6 && entry.Network.Contains(address.Value))
            .OrderByDescending(entry => entry.Network.Length)
            .Select(entry => entry.Kind == NetworkEntryKind.Network)
            .FirstOrDefault(false);

    /// <summary>No list at all is every port.</summary>
    public static bool Ports(ImmutableArray<ProtocolPort> ports, PortTable table, ushort key) =>
        ports.IsEmpty || ports.Any(port => Port(port, table, key));

    private static bool Tag(string selector, HashSet<string> tags) =>
        selector.EndsWith('*') ? tags.Any(tag => tag.StartsWith(selector[..^1], StringComparison.Ordinal)) : tags.Contains(selector);

    private static bool Port(ProtocolPort port, PortTable table, ushort key)
    {
        bool isAnyKey = port.Ranges.IsEmpty || port.Ranges.Any(range => key >= range.First && key <= range.Last);
        return port.Protocol switch
        {
            ProtocolPort.AnyProtocol => true,
            6 => table == PortTable.Tcp && isAnyKey,
            17 => table == PortTable.Udp && isAnyKey,
            1 => table == PortTable.Icmp && isAnyKey,
            58 => table is PortTable.Icmp6 or PortTable.Icmp6OnLink && isAnyKey,
            _ => table == PortTable.Other && port.Protocol == key,
        };
    }
}
