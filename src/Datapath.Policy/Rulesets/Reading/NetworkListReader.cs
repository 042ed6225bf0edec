using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads lists of networks, holes and host names and checks them against each other (specification a.4).</summary>
internal static class NetworkListReader
{
    private static readonly IpPrefix MulticastIPv4 = new(IsIPv6: false, 0xE000_0000, 4);

    private static readonly IpPrefix MulticastIPv6 = new(IsIPv6: true, (UInt128)0xFF00 << 112, 8);

    /// <summary>The entries of an external network: at least one, of which not all are holes.</summary>
    public static ImmutableArray<NetworkEntry> Entries(FieldReader fields)
    {
        ImmutableArray<NetworkEntry> entries = Read(fields, "entries", takesNames: true);
        if (fields.Find("entries", isRequired: false) is SequenceNode { Items.IsEmpty: true } list)
        {
            fields.Sink.Report(PolicyDiagnostics.NoNetwork, list.At, "`entries` is an empty list");
        }

        return entries;
    }

    /// <summary>A list of networks of an enforcer profile: may be empty, takes no host names.</summary>
    public static ImmutableArray<NetworkEntry> Networks(FieldReader fields, string name) => Read(fields, name, takesNames: false);

    /// <summary>Says where managed UDP networks reach into multicast, which no hole cuts out.</summary>
    public static void CheckMulticast(ImmutableArray<NetworkEntry> entries, DiagnosticSink sink)
    {
        foreach (NetworkEntry entry in entries.Where(static entry => entry.Kind == NetworkEntryKind.Network))
        {
            IpPrefix multicast = entry.Network.IsIPv6 ? MulticastIPv6 : MulticastIPv4;
            IpPrefix shared = entry.Network.Length >= multicast.Length ? entry.Network : multicast;
            bool isShared = entry.Network.Contains(shared.Address) && multicast.Contains(shared.Address);

            // A hole wider than the entry does not cut it: the longer network is the one that counts.
            bool isCut = entries.Any(hole =>
                hole.Kind == NetworkEntryKind.Exclusion
                && hole.Network.IsIPv6 == shared.IsIPv6
                && hole.Network.Length >= entry.Network.Length
                && hole.Network.Length <= shared.Length
                && hole.Network.Contains(shared.Address)
            );
            if (isShared && !isCut)
            {
                sink.Report(PolicyDiagnostics.Multicast, entry.At, $"the network {Quoted.Value(entry.Text)} has multicast addresses in it");
            }
        }
    }

    private static ImmutableArray<NetworkEntry> Read(FieldReader fields, string name, bool takesNames)
    {
        ImmutableArray<ScalarNode> texts = fields.Texts(name);
        ImmutableArray<NetworkEntry>.Builder entries = ImmutableArray.CreateBuilder<NetworkEntry>(texts.Length);
        NetworkListCheck check = new(name, fields.Sink);
        foreach (ScalarNode text in texts)
        {
            if (NetworkEntryParser.TryParse(text.Text, takesNames, out NetworkEntryKind kind, out IpPrefix network, out string? help))
            {
                NetworkEntry entry = new(text.At, text.Text, kind, network);
                check.Add(entry);
                entries.Add(entry);
            }
            else
            {
                fields.Sink.Report(
                    PolicyDiagnostics.BadEntry,
                    text.At,
                    $"the entry {Quoted.Value(text.Text)} is not a network{(takesNames ? ", an address or a host name" : "")}",
                    help
                );
            }
        }

        check.Holes();
        return entries.ToImmutable();
    }
}
