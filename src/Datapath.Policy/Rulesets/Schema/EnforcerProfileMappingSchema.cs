namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields of a mapping of a profile to enforcers (specification a.6).</summary>
internal static class EnforcerProfileMappingSchema
{
    public static readonly ResourceSchema Resource = new(
        ResourceKind.EnforcerProfileMapping,
        "an enforcer profile mapping",
        ["enforcerprofilemappingpolicies", "enforcerprofilemappingpolicy"],
        "Which agents use which profile. Two profiles for one agent are an error.",
        CommonFields.Object(
            CommonFields.Name,
            [
                new("subject", FieldType.TagExpression, "tags of the agent") { IsRequired = true },
                // Alone in a file, `subject` and `object` together tell it; `object` never stands in a ruleset itself.
                new("object", FieldType.TagExpression, "tags of the profile") { IsRequired = true, IsTelling = true },
                CommonFields.Propagate,
                CommonFields.Fallback,
                CommonFields.Disabled,
            ],
            []
        )
    );
}
