namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields of an enforcer profile (specification a.6).</summary>
internal static class EnforcerProfileSchema
{
    public static readonly ResourceSchema Resource = new(
        ResourceKind.EnforcerProfile,
        "an enforcer profile",
        ["enforcerprofiles", "enforcerprofile"],
        "Settings of an agent that bear on packets and their records. A mapping gives it to agents.",
        CommonFields.Object(
            CommonFields.Name,
            [
                Networks("excludedNetworks", "networks whose packets pass untouched and unreported"),
                new("excludedInterfaces", FieldType.TextList, "interfaces whose packets pass untouched, 1 to 15 bytes each") { IsTelling = true },
                new("ignoreExpression", FieldType.TagExpression, "units with these tags are never judged") { IsTelling = true },
                Networks("targetNetworks", "networks where units are expected; empty means all"),
                Networks("targetUDPNetworks", "checked, without effect, with a warning; multicast has to be cut out"),
                CommonFields.Flag("syslogEnabled", "flow records go to syslog, too, unless the agent's own settings say where"),
                Text("syslogEndpoint", "`udp://`, `tcp://` or `tls://HOST:PORT`; without one the log of the host"),
                Text("syslogFormat", "`AUTO`, `BSD` (RFC 3164) or `IETF` (RFC 5424)"),
                Text("syslogFacility", "0 to 23; without one 1, user"),
                Text("syslogEndpointTLSServerCA", "PEM of the authorities of a `tls://` server, or the path of such a file"),
                Text("syslogEndpointTLSClientCertificate", "PEM of the certificate that it is shown, or the path of such a file"),
                Text("syslogEndpointTLSClientCertificateKey", "PEM of that certificate's key, or the path of such a file"),
                CommonFields.Propagate,
            ],
            [
                "IPTablesMarkValue",
                "PUBookkeepingInterval",
                "PUHeartbeatInterval",
                "applicationProxyPort",
                "auditProfileSelectors",
                "auditProfiles",
                "auditSocketBufferSize",
                "dockerSocketAddress",
                "dockerSocketType",
                "flowReportingInterval",
                "hostModeEnabled",
                "hostServices",
                "killContainersOnFailure",
                "kubernetesMetadataExtractor",
                "kubernetesSupportEnabled",
                "linuxProcessesSupportEnabled",
                "metadataExtractor",
                "policySynchronizationInterval",
                "proxyListenAddress",
                "receiverNumberOfQueues",
                "receiverQueue",
                "receiverQueueSize",
                "remoteEnforcerEnabled",
                "transmitterNumberOfQueues",
                "transmitterQueue",
                "transmitterQueueSize",
                "trustedCAs",
            ]
        )
    );

    private static FieldSchema Text(string name, string rule) => new(name, FieldType.Text, rule);

    private static FieldSchema Networks(string name, string rule) =>
        new(name, FieldType.NetworkList, $"{rule}. Networks in CIDR form and holes, by the rules of `entries`") { IsTelling = true };
}
