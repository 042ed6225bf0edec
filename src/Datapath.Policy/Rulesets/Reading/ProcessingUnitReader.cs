using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads a processing unit (specification a.7 and our extensions).</summary>
internal static class ProcessingUnitReader
{
    public static ProcessingUnit Read(FieldReader fields) =>
        new()
        {
            At = fields.At,
            Name = ObjectReader.Name(fields),
            Namespace = NamespacePath.Read(fields),
            Description = ObjectReader.Description(fields),
            AssociatedTags = TagReader.AssociatedTags(fields),
            Metadata = TagReader.Metadata(fields),
            Attach = AttachmentReader.Read(fields),
            Addresses = Addresses(fields),
            Archived = fields.Flag("archived"),
        };

    private static ImmutableArray<IPAddress> Addresses(FieldReader fields)
    {
        ImmutableArray<IPAddress>.Builder addresses = ImmutableArray.CreateBuilder<IPAddress>();
        HashSet<IpPrefix> seen = [];
        foreach (ScalarNode node in fields.Texts("addresses"))
        {
            string? problem = IpText.TryParseAddress(node.Text, out IpPrefix address) ? ProblemOf(address) : "is not an IPv4 or IPv6 address";
            if (problem is not null)
            {
                fields.Sink.Report(PolicyDiagnostics.BadAddress, node.At, $"{Quoted.Value(node.Text)} {problem}");
            }
            else if (!seen.Add(address))
            {
                fields.Sink.Report(PolicyDiagnostics.AddressTwice, node.At, $"the address {Quoted.Value(node.Text)} stands twice in the list");
            }
            else
            {
                addresses.Add(IpText.ToIPAddress(address));
            }
        }

        return addresses.ToImmutable();
    }

    /// <summary>Why no packet of a unit can have this address on the wire; null when it can.</summary>
    private static string? ProblemOf(IpPrefix address)
    {
        IPAddress ip = IpText.ToIPAddress(address);
        if (IPAddress.IsLoopback(ip))
        {
            return "is a loopback address, which never leaves its host";
        }

        bool isMulticast = address.IsIPv6 ? ip.IsIPv6Multicast : address.Address >= 0xE000_0000;
        return isMulticast ? "is not a unicast address"
            : address.Address == 0 ? "is the unspecified address"
            : null;
    }
}
