using System.Collections.Immutable;

namespace Datapath.Policy.Rulesets.Schema;

/// <summary>Fields that several resources have (specification a.1).</summary>
internal static class CommonFields
{
    public static readonly FieldSchema Name = new("name", FieldType.Text, "1 to 256 characters; need not be unique") { IsRequired = true };

    public static readonly FieldSchema Propagate = Flag("propagate", "also counts in all namespaces below");

    public static readonly FieldSchema Fallback = Flag("fallback", "counts only where nothing without `fallback` does");

    public static readonly FieldSchema Disabled = Flag("disabled", "as if it were not there");

    public static readonly FieldSchema Archived = Flag("archived", "deleted, but kept: as if it were not there");

    private static readonly FieldSchema[] Shared =
    [
        new("namespace", FieldType.Text, "where it lives: absolute (`/a/b`), or relative to the namespace that the command was given")
        {
            Default = "that namespace",
        },
        new("description", FieldType.Text, "at most 1024 characters"),
        new("associatedTags", FieldType.TagList, "tags of your own; none begins with `@`, `$` or `+`"),
        new("metadata", FieldType.TagList, "tags fixed at creation; each begins with `@`, none with `@auth:`"),
    ];

    private static readonly string[] GeneratedNames =
    [
        "ID",
        "annotations",
        "createIdempotencyKey",
        "createTime",
        "normalizedTags",
        "protected",
        "updateIdempotencyKey",
        "updateTime",
    ];

    /// <summary>The fields of an object: its name, those that every object has, its own, and those without effect.</summary>
    /// <param name="name">The name, whose rule differs for namespaces.</param>
    /// <param name="own">Fields of this resource only.</param>
    /// <param name="ignored">Names of fields of this resource that have no bearing on packets.</param>
    public static ImmutableArray<FieldSchema> Object(FieldSchema name, FieldSchema[] own, string[] ignored) =>
        [name, .. Shared, .. own, .. GeneratedNames.Concat(ignored).Select(Ignored)];

    /// <summary>A boolean that is false when it is absent.</summary>
    public static FieldSchema Flag(string name, string rule) => new(name, FieldType.Boolean, rule) { Default = "`false`" };

    /// <summary>A field that is accepted without a word and without effect.</summary>
    public static FieldSchema Ignored(string name) => new(name, FieldType.Any, "accepted, without effect") { IsIgnored = true };
}
