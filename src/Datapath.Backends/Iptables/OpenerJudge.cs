using System.Collections.Immutable;
using System.Net;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;
using Datapath.Interop.Netlink;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Iptables;

/// <summary>Judges the openers of connections by the tables, as the hooks would.</summary>
internal sealed class OpenerJudge
{
    private readonly CompiledPolicyReader _reader;
    private readonly CompiledPolicy _policy;
    private readonly HashSet<int> _pods;
    private readonly HashSet<IPAddress> _addresses;
    private readonly ImmutableArray<IPNetwork> _networks;
    private readonly bool _judgesHost;
    private readonly uint _cgroupMark;
    private readonly ImmutableArray<int> _cgroups;

    /// <summary>Takes a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="places">Where its units are judged.</param>
    /// <param name="host">The host's addresses.</param>
    /// <param name="cgroupMark">The bit of connections that a unit opened which is a cgroup.</param>
    public OpenerJudge(CompiledPolicy policy, UnitPlaces places, HostSnapshot host, uint cgroupMark)
    {
        _cgroupMark = cgroupMark;
        _cgroups = [.. places.Cgroups.Select(one => one.Unit.Number).Distinct().Order()];
        _policy = policy;
        _reader = new CompiledPolicyReader(policy);
        _pods = [.. places.Pods.Select(pod => pod.Unit.Number)];
        _addresses = [.. host.Addresses];
        _networks = host.LocalNetworks;
        _judgesHost = places.Host is not null;
    }

    /// <summary>Whether every judge of the opener's packets allows them; null when there is none.</summary>
    public bool? MaySpeak(ConntrackEntry entry)
    {
        bool? all = null;
        foreach (JudgedOpener one in JudgesOf(entry))
        {
            all = (all ?? true) && Judge(one).Verdict == Verdict.Allow;
        }

        return all;
    }

    /// <summary>What a judge says of an opener's packets.</summary>
    public Judgement Judge(JudgedOpener one)
    {
        ConntrackTuple seen = one.AsSeen;
        PortTable table = CompiledPolicyReader.TableOf(seen.Protocol, isOnLink: false);
        ushort key = table switch
        {
            PortTable.Tcp or PortTable.Udp => seen.DestinationPort,
            PortTable.Other => seen.Protocol,
            _ => seen.IcmpTypeAndCode,
        };
        IPAddress peer = one.Direction == Direction.Incoming ? seen.Source : seen.Destination;
        return _reader.Judge(one.Unit, one.Direction, AddressKey.From(peer), table, key);
    }

    /// <summary>Who judges the packets of a connection's opener, and what they look like there.</summary>
    public IEnumerable<JudgedOpener> JudgesOf(ConntrackEntry entry)
    {
        (ConntrackTuple sent, ConntrackTuple answered) = (entry.Original, entry.Reply);
        // Whoever sends judges what the packet says before DNAT when it is a pod, after it when it is the host; receivers likewise.
        ConntrackTuple received = sent with { Destination = answered.Source, DestinationPort = answered.SourcePort };
        if (PodOf(sent.Source) is { } sender)
        {
            yield return new JudgedOpener(sender, Direction.Outgoing, sent);
        }

        if (_judgesHost && IsLocal(sent.Destination) && !IsLocal(sent.Source))
        {
            yield return new JudgedOpener(LocalUnit.HostNumber, Direction.Incoming, sent);
        }

        if (_judgesHost && IsLocal(sent.Source) && !IsLocal(answered.Source))
        {
            yield return Sender(entry, new JudgedOpener(LocalUnit.HostNumber, Direction.Outgoing, received));
        }

        if (PodOf(answered.Source) is { } receiver)
        {
            yield return new JudgedOpener(receiver, Direction.Incoming, received);
        }
    }

    // Which of several cgroups it was is not known: whoever may have said it is believed to have said it.
    private JudgedOpener Sender(ConntrackEntry entry, JudgedOpener host)
    {
        if ((entry.Mark & _cgroupMark) == 0 || _cgroups.IsEmpty)
        {
            return host;
        }

        JudgedOpener[] all = [.. _cgroups.Select(unit => host with { Unit = unit })];
        return Array.Find(all, one => Judge(one).Verdict == Verdict.Allow) ?? all[0];
    }

    private bool IsLocal(IPAddress address) => _addresses.Contains(address) || _networks.Any(network => network.Contains(address)) || address.IsIPv6Multicast || IPAddress.IsLoopback(address);

    private int? PodOf(IPAddress address)
    {
        AddressKey key = AddressKey.From(address);
        int unit = key.IsIPv6
            ? _policy.Peers.IPv6.At(key.Value).Unit
            : _policy.Peers.IPv4.At((uint)key.Value).Unit;
        return _pods.Contains(unit) ? unit : null;
    }
}

/// <summary>Who judges the packets of a connection's opener.</summary>
/// <param name="Unit">Number of the unit.</param>
/// <param name="Direction">Seen from it.</param>
/// <param name="AsSeen">What the packets say there: before or after translation of addresses.</param>
internal sealed record JudgedOpener(int Unit, Direction Direction, ConntrackTuple AsSeen);
