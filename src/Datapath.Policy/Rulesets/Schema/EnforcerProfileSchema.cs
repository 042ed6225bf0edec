namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields of an enforcer profile (specification a.6).</summary>
internal static class EnforcerProfileSchema
{
    public static readonly ResourceSchema Resource = new(
        ResourceKind.EnforcerProfile,
        "an enforcer profile",
        ["enforcerprofiles", "enforcerprofile"],
        "Settings of an agent that bear on packets. A mapping gives it to agents.",
        CommonFields.Object(
            CommonFields.Name,
            [
                Networks("excludedNetworks", "networks whose packets pass untouched and unreported"),
                new("excludedInterfaces", FieldType.TextList, "interfaces whose packets pass untouched, 1 to 15 bytes each") { IsTelling = true },
                new("ignoreExpression", FieldType.TagExpression, "units with these tags are never judged") { IsTelling = true },
                Networks("targetNetworks", "networks where units are expected; empty means all"),
                Networks("targetUDPNetworks", "checked, without effect, with a warning; multicast has to be cut out"),
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
                "syslogEnabled",
                "syslogEndpoint",
                "syslogEndpointTLSClientCertificate",
                "syslogEndpointTLSClientCertificateKey",
                "syslogEndpointTLSServerCA",
                "syslogFacility",
                "syslogFormat",
                "transmitterNumberOfQueues",
                "transmitterQueue",
                "transmitterQueueSize",
                "trustedCAs",
            ]
        )
    );

    private static FieldSchema Networks(string name, string rule) =>
        new(name, FieldType.NetworkList, $"{rule}. Networks in CIDR form and holes, by the rules of `entries`") { IsTelling = true };
}
