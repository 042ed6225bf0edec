using System.Collections.Immutable;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads a mapping of a profile to enforcers (specification a.6).</summary>
internal static class EnforcerProfileMappingReader
{
    /// <summary>The mapping; null when it has no usable subject or object.</summary>
    public static EnforcerProfileMapping? Read(FieldReader fields)
    {
        TagExpression? subject = TagExpressionReader.Read(fields, "subject");
        TagExpression? profile = TagExpressionReader.Read(fields, "object");
        string name = ObjectReader.Name(fields);
        string description = ObjectReader.Description(fields);
        string path = NamespacePath.Read(fields);
        ImmutableArray<string> tags = TagReader.AssociatedTags(fields);
        ImmutableArray<string> metadata = TagReader.Metadata(fields);
        (bool propagate, bool fallback, bool disabled) = (fields.Flag("propagate"), fields.Flag("fallback"), fields.Flag("disabled"));
        return subject is null || profile is null
            ? null
            : new EnforcerProfileMapping
            {
                At = fields.At,
                Name = name,
                Namespace = path,
                Description = description,
                AssociatedTags = tags,
                Metadata = metadata,
                Subject = subject,
                Object = profile,
                Propagate = propagate,
                Fallback = fallback,
                Disabled = disabled,
            };
    }
}
