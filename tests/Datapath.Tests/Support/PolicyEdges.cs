using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets;

namespace Datapath.Tests.Support;

/// <summary>The addresses and ports at which a policy changes its mind, and their neighbours: where off-by-one errors live.</summary>
internal sealed class PolicyEdges
{
    private readonly List<AddressKey> _addresses = [];
    private readonly List<(PortTable Table, ushort Key)> _ports = [];
    private readonly HashSet<AddressKey> _beginnings = [];
    private readonly HashSet<(PortTable Table, ushort Key)> _portBeginnings = [];

    public PolicyEdges(PolicyCase one)
    {
        WrittenPolicy written = one.Written;
        IEnumerable<NetworkEntry> entries = written
            .ExternalNetworks.SelectMany(network => network.Entries)
            .Concat(written.EnforcerProfiles.SelectMany(profile => profile.ExcludedNetworks.Concat(profile.TargetNetworks)));
        foreach (NetworkEntry entry in entries.Where(entry => entry.Kind != NetworkEntryKind.HostName))
        {
            Around(entry.Network);
        }
        foreach (IpPrefix network in one.Options.Failsafe.Select(port => port.Network).OfType<IpPrefix>())
        {
            Around(network);
        }
        foreach (AddressKey key in written.ProcessingUnits.SelectMany(unit => unit.Addresses).Concat(one.Inventory.Addresses).Select(AddressKey.From))
        {
            Around(new IpPrefix(key.IsIPv6, key.Value, key.IsIPv6 ? 128 : 32));
        }
        IEnumerable<NetworkRule> rules = written.Rulesets.SelectMany(ruleset => ruleset.IncomingRules.Concat(ruleset.OutgoingRules));
        foreach (ProtocolPort port in rules.SelectMany(rule => rule.ProtocolPorts))
        {
            Around(port);
        }
        foreach (var port in one.Options.Failsafe)
        {
            Around(port.Protocol == IanaProtocol.Tcp ? PortTable.Tcp : PortTable.Udp, port.Port, port.Port);
        }
    }

    /// <summary>Where a range of addresses begins, or the one before it has ended.</summary>
    public IReadOnlyCollection<AddressKey> Beginnings => _beginnings;

    /// <summary>Where a range of ports begins, or the one before it has ended.</summary>
    public IReadOnlyCollection<(PortTable Table, ushort Key)> PortBeginnings => _portBeginnings;

    public AddressKey Address(Random random, Func<AddressKey> otherwise) =>
        _addresses.Count > 0 && random.Next(4) != 0 ? _addresses[random.Next(_addresses.Count)] : otherwise();

    public (PortTable Table, ushort Key) Port(Random random, Func<PortTable, ushort> otherwise)
    {
        if (_ports.Count > 0 && random.Next(5) < 3)
        {
            return _ports[random.Next(_ports.Count)];
        }
        var table = (PortTable)random.Next(6);
        return (table, otherwise(table));
    }

    private void Around(IpPrefix network)
    {
        UInt128 end = network.IsIPv6 ? UInt128.MaxValue : uint.MaxValue;
        _addresses.Add(new AddressKey(network.IsIPv6, network.Address));
        _addresses.Add(new AddressKey(network.IsIPv6, network.Last));
        if (network.Address > 0)
        {
            _addresses.Add(new AddressKey(network.IsIPv6, network.Address - 1));
        }
        _beginnings.Add(new AddressKey(network.IsIPv6, network.Address));
        if (network.Last < end)
        {
            _beginnings.Add(new AddressKey(network.IsIPv6, network.Last + 1));
            _addresses.Add(new AddressKey(network.IsIPv6, network.Last + 1));
        }
    }

    private void Around(ProtocolPort port)
    {
        PortTable[] tables = port.Protocol switch
        {
            IanaProtocol.Tcp => [PortTable.Tcp],
            IanaProtocol.Udp => [PortTable.Udp],
            IanaProtocol.Icmp => [PortTable.Icmp],
            IanaProtocol.IcmpV6 => [PortTable.Icmp6, PortTable.Icmp6OnLink],
            _ => [],
        };
        if (tables.Length == 0 && port.Protocol >= 0)
        {
            Around(PortTable.Other, (ushort)port.Protocol, (ushort)port.Protocol);
        }
        foreach (PortTable table in tables)
        {
            foreach (KeyRange range in port.Ranges)
            {
                Around(table, range.First, range.Last);
            }
        }
    }

    private void Around(PortTable table, ushort first, ushort last)
    {
        int end = table == PortTable.Other ? 255 : ushort.MaxValue;
        foreach (int key in (int[])[first - 1, first, last, last + 1])
        {
            if (key >= 0 && key <= end)
            {
                _ports.Add((table, (ushort)key));
            }
        }
        _portBeginnings.Add((table, first));
        if (last < end)
        {
            _portBeginnings.Add((table, (ushort)(last + 1)));
        }
    }
}
