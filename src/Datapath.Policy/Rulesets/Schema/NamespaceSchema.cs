namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields of a namespace (specification a.5).</summary>
internal static class NamespaceSchema
{
    public static readonly ResourceSchema Resource = new(
        ResourceKind.Namespace,
        "a namespace",
        ["namespaces", "namespace", "ns"],
        "A place in the tree of namespaces: what happens where no rule decides, and which tags rulesets may use. "
            + "A namespace that is used but not written down exists with everything inherited.",
        CommonFields.Object(
            new("name", FieldType.Text, "its path, absolute or below `namespace`: letters, digits, `-`, `_`, `/`; at most 16 levels deep")
            {
                IsRequired = true,
            },
            [
                Action("defaultPUIncomingTrafficAction", "what happens to connections towards its units that no rule decides"),
                Action("defaultPUOutgoingTrafficAction", "what happens to connections that its units open and no rule decides"),
                new("tagPrefixes", FieldType.TextList, "beginnings of tags that rulesets may use here and below, besides the inherited ones")
                {
                    IsTelling = true,
                },
                new("organizationalMetadata", FieldType.TagList, "tags that everything in it inherits; each begins with `@org:`")
                {
                    IsTelling = true,
                },
            ],
            [
                "JWTCertificateType",
                "SSHCAEnabled",
                "customZoning",
                "defaultEnforcerVersion",
                "localCAEnabled",
                "networkAccessPolicyTags",
                "serviceCertificateValidity",
                "type",
                "zoning",
            ]
        )
    );

    private static FieldSchema Action(string name, string rule) =>
        new(name, FieldType.Text, $"`Allow`, `Reject` or `Inherit`: {rule}") { Default = "`Inherit`", IsTelling = true };
}
