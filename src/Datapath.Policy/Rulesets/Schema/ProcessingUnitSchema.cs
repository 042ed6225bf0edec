namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields of a processing unit (specification a.7; <c>attach</c> and <c>addresses</c> are extensions).</summary>
internal static class ProcessingUnitSchema
{
    public static readonly MappingSchema Attach = new(
        "an attachment",
        "Where the packets of a unit of this host are seen: exactly one field.",
        [
            new("host", FieldType.Boolean, "`true`: the unit is this host itself"),
            new("interface", FieldType.Text, "the host's end of the unit's veth pair: 1 to 15 bytes"),
            new("cgroup", FieldType.Text, "path of the unit's cgroup below the cgroup root, beginning with `/`; `*` stands for any letters within a part, and the unit is every such cgroup"),
        ]
    );

    public static readonly ResourceSchema Resource = new(
        ResourceKind.ProcessingUnit,
        "a processing unit",
        ["processingunits", "processingunit", "pus", "pu"],
        "A host, container or service whose packets are judged. The product learns them from its agents; here they are written down. "
            + "Without `attach` it is a unit of another host: known as a peer, judged elsewhere.",
        CommonFields.Object(
            CommonFields.Name,
            [
                new("attach", FieldType.Mapping, "where its packets are seen on this host") { IsTelling = true, Nested = Attach },
                new("addresses", FieldType.TextList, "its addresses of both families, none twice; an address belongs to one unit")
                {
                    IsTelling = true,
                },
                CommonFields.Archived,
            ],
            [
                "clientLocalID",
                "collectInfo",
                "collectedInfo",
                "controller",
                "datapathType",
                "enforcementStatus",
                "enforcerID",
                "enforcerNamespace",
                "image",
                "images",
                "lastCollectionTime",
                "lastLocalTimestamp",
                "lastPokeTime",
                "lastSyncTime",
                "nativeContextID",
                "networkServices",
                "operationalStatus",
                "tracing",
                "type",
                "unreachable",
                "vulnerabilityLevel",
            ]
        )
    );
}
