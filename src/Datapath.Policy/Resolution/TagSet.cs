using System.Collections.Immutable;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>The normalized tags of an object: everything that selectors can match (specification a.1, c.2).</summary>
internal static class TagSet
{
    public static ImmutableArray<string> Of(WrittenObject written, string identity, ResolvedNamespace home, IEnumerable<string> more) =>
        Of(identity, written.Name, home, [.. written.AssociatedTags, .. written.Metadata, .. more]);

    public static ImmutableArray<string> Of(string identity, string name, ResolvedNamespace home, IEnumerable<string> more)
    {
        // A true set: a tag that was written twice must not satisfy a clause of two tags.
        var tags = new SortedSet<string>(StringComparer.Ordinal)
        {
            $"$identity={identity}",
            $"$name={name}",
            $"$namespace={home.Path}",
        };
        tags.UnionWith(home.OrganizationTags);
        tags.UnionWith(more);
        return [.. tags];
    }

    /// <summary>Whether one of the clauses holds; for the few objects that are not worth an index.</summary>
    public static bool Matches(TagExpression expression, ImmutableArray<string> tags) =>
        new TagIndex([tags]).Match(expression).Length == 1;
}
