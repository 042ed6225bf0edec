using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads an enforcer profile (specification a.6).</summary>
internal static class EnforcerProfileReader
{
    public static EnforcerProfile Read(FieldReader fields)
    {
        CheckUdpNetworks(fields);
        return new EnforcerProfile
        {
            At = fields.At,
            Name = ObjectReader.Name(fields),
            Namespace = NamespacePath.Read(fields),
            Description = ObjectReader.Description(fields),
            AssociatedTags = TagReader.AssociatedTags(fields),
            Metadata = TagReader.Metadata(fields),
            ExcludedNetworks = NetworkListReader.Networks(fields, "excludedNetworks"),
            ExcludedInterfaces = Interfaces(fields),
            IgnoreExpression = IgnoreExpression(fields),
            TargetNetworks = NetworkListReader.Networks(fields, "targetNetworks"),
            Syslog = Syslog(fields),
            Propagate = fields.Flag("propagate"),
        };
    }

    private static SyslogProfile? Syslog(FieldReader fields)
    {
        var written = new SyslogProfile(
            Text("syslogEndpoint"),
            Text("syslogFormat"),
            Text("syslogFacility"),
            Text("syslogEndpointTLSServerCA"),
            Text("syslogEndpointTLSClientCertificate"),
            Text("syslogEndpointTLSClientCertificateKey")
        );
        return fields.Flag("syslogEnabled") ? written : null;

        string Text(string name) => fields.Scalar(name)?.Text ?? "";
    }

    /// <summary>Checked as the product does, then set aside: our identity is the address, and UDP has one like every other protocol.</summary>
    private static void CheckUdpNetworks(FieldReader fields)
    {
        ImmutableArray<NetworkEntry> networks = NetworkListReader.Networks(fields, "targetUDPNetworks");
        NetworkListReader.CheckMulticast(networks, fields.Sink);
        if (!networks.IsEmpty)
        {
            fields.Sink.Report(PolicyDiagnostics.UdpNetworksIgnored, networks[0].At, "`targetUDPNetworks` has no effect");
        }
    }

    /// <summary>Exported profiles carry an empty list where nothing is set.</summary>
    private static TagExpression? IgnoreExpression(FieldReader fields) =>
        fields.Find("ignoreExpression") is SequenceNode { Items.IsEmpty: true } ? null : TagExpressionReader.Read(fields, "ignoreExpression");

    private static ImmutableArray<string> Interfaces(FieldReader fields)
    {
        ImmutableArray<ScalarNode> names = fields.Texts("excludedInterfaces");
        foreach (ScalarNode name in names)
        {
            AttachmentReader.CheckInterface(name, fields.Sink);
        }

        return [.. names.Select(static name => name.Text)];
    }
}
