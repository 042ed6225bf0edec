namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields of an external network (specification a.4).</summary>
internal static class ExternalNetworkSchema
{
    public static readonly ResourceSchema Resource = new(
        ResourceKind.ExternalNetwork,
        "an external network",
        ["externalnetworks", "externalnetwork", "extnets", "extnet"],
        "A named set of networks and host names without an agent. Rules name it by its tags, by convention `externalnetwork:name=NAME`.",
        CommonFields.Object(
            CommonFields.Name,
            [
                new(
                    "entries",
                    FieldType.NetworkList,
                    "networks in CIDR form, IPv4 addresses, host names, `*.` and a host name, and holes: `!` and a network, in quotes. "
                        + "No network twice, each hole inside a network of the same list"
                )
                {
                    IsRequired = true,
                    IsTelling = true,
                },
                CommonFields.Propagate,
                CommonFields.Archived,
            ],
            ["ports", "protocols", "servicePorts", "type"]
        )
    );
}
