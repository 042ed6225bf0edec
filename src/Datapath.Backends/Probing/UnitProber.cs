using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;
using Datapath.Policy.Inventory;

namespace Datapath.Backends.Probing;

/// <summary>Opens a connection, or sends an echo, from where a processing unit is: through the same hooks and rules as the unit's own packets.</summary>
public static class UnitProber
{
    /// <summary>Probes once. Waits on the calling thread, at most a little longer than the patience.</summary>
    /// <param name="attach">Where the unit is.</param>
    /// <param name="host">The host's interfaces.</param>
    /// <param name="target">Whom to reach; port 0 for an echo.</param>
    /// <param name="patience">How long to wait for an answer.</param>
    /// <param name="program">The program, and its first arguments, that probes from a cgroup (<see cref="CgroupProbe.Verb"/>).</param>
    /// <exception cref="BackendException">The unit has no place that can be probed from, or the kernel refused.</exception>
    public static ProbeReport Probe(Attachment attach, HostSnapshot host, IPEndPoint target, TimeSpan patience, ImmutableArray<string> program)
    {
        ArgumentNullException.ThrowIfNull(attach);
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(target);
        try
        {
            using NetworkNamespace? pod = attach.Kind is AttachmentKind.Host or AttachmentKind.Cgroup ? null : NamespaceOf(attach, host);
            using DepartureWatch watch = new();
            ProbeExchange exchange = attach.Kind == AttachmentKind.Cgroup ? CgroupProbe.Run(attach.Target, target, patience, program) : Exchange(target, patience, pod);
            ConntrackEntry? tracked = Conntrack.IsLoaded ? Find(exchange.Sent) : null;
            IReadOnlyList<(SentProbe Probe, int Interface)> left = watch.Finish();
            return new ProbeReport(
                exchange.Outcome,
                exchange.Sent.Source,
                exchange.RoundTrip,
                exchange.Error,
                Departures(left, exchange.Sent, TranslatedOf(exchange.Sent, tracked), host),
                tracked is null ? null : Translation(exchange.Sent, tracked)
            );
        }
        catch (KernelException refusal)
        {
            throw new BackendException(refusal.Message, refusal);
        }
    }

    /// <summary>Opens the connection, or sends the echo.</summary>
    /// <param name="target">Whom to reach; port 0 for an echo.</param>
    /// <param name="patience">How long to wait for an answer.</param>
    /// <param name="from">The network namespace that it comes from; null for that of the calling thread.</param>
    /// <exception cref="BackendException">There is no way to the target.</exception>
    internal static ProbeExchange Exchange(IPEndPoint target, TimeSpan patience, NetworkNamespace? from = null)
    {
        using Socket socket = from is null ? Open(target) : from.Run(() => Open(target));
        var source = (IPEndPoint)socket.LocalEndPoint!;
        return target.Port == 0 ? EchoExchange.Run(socket, source, target, patience) : ConnectExchange.Run(socket, source, target, patience);
    }

    private static NetworkNamespace NamespaceOf(Attachment attach, HostSnapshot host)
    {
        HostInterface? place = attach.Kind == AttachmentKind.Interface ? host.Interfaces.FirstOrDefault(one => one.Name == attach.Target) : null;
        if (place?.PeerNamespace is not { } number)
        {
            throw new BackendException("the unit is not at the other end of a veth pair: there is no network namespace to probe from");
        }

        return PeerNamespaces.Open(new HashSet<int> { number }).TryGetValue(number, out NetworkNamespace? found)
            ? found
            : throw new BackendException("no process and no file names the unit's network namespace");
    }

    // Bound to the address that the route to the target prefers, so that the probe is known before its first packet.
    private static Socket Open(IPEndPoint target)
    {
        AddressFamily family = target.AddressFamily;
        IPAddress source;
        using (var route = new Socket(family, SocketType.Dgram, ProtocolType.Udp))
        {
            try
            {
                route.Connect(new IPEndPoint(target.Address, 1));
            }
            catch (SocketException refusal)
            {
                throw new BackendException($"{target.Address}: {refusal.Message}", refusal);
            }

            source = ((IPEndPoint)route.LocalEndPoint!).Address;
        }

        Socket socket = (target.Port, family) switch
        {
            (0, AddressFamily.InterNetworkV6) => new Socket(family, SocketType.Raw, ProtocolType.IcmpV6),
            (0, _) => new Socket(family, SocketType.Raw, ProtocolType.Icmp),
            _ => new Socket(family, SocketType.Stream, ProtocolType.Tcp),
        };
        socket.Bind(new IPEndPoint(source, 0));
        return socket;
    }

    private static ConntrackEntry? Find(SentProbe sent)
    {
        ConntrackEntry? found = null;
        Conntrack.Read(entry =>
        {
            ConntrackTuple tuple = entry.Original;
            bool isIt = sent.IsEcho
                ? tuple.EchoIdentifier == sent.Source.Port
                : tuple.SourcePort == sent.Source.Port && tuple.DestinationPort == sent.Destination.Port;
            if (isIt && tuple.Protocol == sent.Protocol && tuple.Source.Equals(sent.Source.Address) && tuple.Destination.Equals(sent.Destination.Address))
            {
                found = entry;
            }
        });
        return found;
    }

    // Answers are addressed to whom the probe seems to come from.
    private static SentProbe TranslatedOf(SentProbe sent, ConntrackEntry? tracked) =>
        tracked?.Reply is not { } reply ? sent
        : sent.IsEcho ? new SentProbe(sent.Protocol, new IPEndPoint(reply.Destination, reply.EchoIdentifier), new IPEndPoint(reply.Source, reply.EchoIdentifier))
        : new SentProbe(sent.Protocol, new IPEndPoint(reply.Destination, reply.DestinationPort), new IPEndPoint(reply.Source, reply.SourcePort));

    private static ProbeTranslation Translation(SentProbe sent, ConntrackEntry tracked)
    {
        SentProbe wire = TranslatedOf(sent, tracked);
        var kinds = ImmutableArray.CreateBuilder<string>();
        Add("SNAT", !wire.Source.Address.Equals(sent.Source.Address));
        Add("DNAT", !wire.Destination.Address.Equals(sent.Destination.Address));
        Add("SPAT", wire.Source.Port != sent.Source.Port);
        Add("DPAT", !sent.IsEcho && wire.Destination.Port != sent.Destination.Port);
        return new ProbeTranslation(wire.Source, wire.Destination, kinds.ToImmutable());

        void Add(string kind, bool isSeen)
        {
            if (isSeen)
            {
                kinds.Add(kind);
            }
        }
    }

    private static ImmutableArray<string> Departures(IReadOnlyList<(SentProbe Probe, int Interface)> left, SentProbe sent, SentProbe translated, HostSnapshot host) =>
        [
            .. left.Where(one => one.Probe == sent || one.Probe == translated)
                .Select(one => host.Interfaces.FirstOrDefault(known => known.Index == one.Interface))
                .OfType<HostInterface>()
                .Where(one => !one.IsLoopback)
                .Select(one => one.Name)
                .Distinct(StringComparer.Ordinal),
        ];
}
