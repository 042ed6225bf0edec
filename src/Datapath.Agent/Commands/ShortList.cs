namespace Datapath.Agent.Commands;

/// <summary>Lists that fit a line.</summary>
internal static class ShortList
{
    /// <summary>The first few of a list, and how many more there are.</summary>
    /// <param name="items">Everything.</param>
    /// <param name="most">How many fit.</param>
    /// <param name="isFull">Everything is wanted all the same.</param>
    /// <param name="separator">Between two items.</param>
    public static string Of(IReadOnlyList<string> items, int most, bool isFull, string separator = " ") =>
        isFull || items.Count <= most
            ? string.Join(separator, items)
            : $"{string.Join(separator, items.Take(most))}{separator}and {items.Count - most} more";
}
