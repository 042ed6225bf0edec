namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields of a ruleset and of its rules (specification a.2, a.3).</summary>
internal static class NetworkRulesetSchema
{
    public static readonly MappingSchema Rule = new(
        "a rule",
        "One rule of `incomingRules` or `outgoingRules`. Two rules of one list are the same, and refused, when action, object and protocolPorts are.",
        [
            new("action", FieldType.Text, "`Allow` or `Reject`; Reject beats Allow, whatever the order") { Default = "`Allow`, with a warning" },
            new("object", FieldType.TagExpression, "the peers: processing units and external networks with these tags. No list twice")
            {
                IsRequired = true,
            },
            new("protocolPorts", FieldType.PortList, "destination ports and protocols, none twice; empty means any") { Default = "`[any]`" },
            CommonFields.Flag("logsDisabled", "connections that the rule decides are not reported"),
            CommonFields.Flag("observationEnabled", "the rule reports what it would do and decides nothing"),
            new("name", FieldType.Text, "at most 16 characters; named in reports"),
            CommonFields.Ignored("networks"),
        ]
    );

    public static readonly ResourceSchema Resource = new(
        ResourceKind.NetworkRuleset,
        "a network ruleset",
        [
            "networkrulesetpolicies",
            "networkrulesetpolicy",
            "networkrulesets",
            "networkruleset",
            "netrulesets",
            "netruleset",
            "netsets",
            "netset",
        ],
        "Who may talk to the units that it selects, and whom they may talk to.",
        CommonFields.Object(
            CommonFields.Name,
            [
                new("subject", FieldType.TagExpression, "the processing units that it applies to") { IsRequired = true },
                Rules("incomingRules", "rules for connections opened towards the subject"),
                Rules("outgoingRules", "rules for connections that the subject opens"),
                CommonFields.Propagate,
                CommonFields.Fallback,
                CommonFields.Disabled,
            ],
            []
        )
    );

    private static FieldSchema Rules(string name, string rule) =>
        new(name, FieldType.MappingList, rule) { IsTelling = true, Nested = Rule };
}
