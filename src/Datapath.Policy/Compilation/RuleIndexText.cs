using System.Globalization;
using System.Text;

namespace Datapath.Policy.Compilation;

/// <summary>Rule and unit numbers as text, so that they outlive the agent.</summary>
/// <remarks>One number a line, fields parted by tabs and percent-encoded, the format's version first.</remarks>
public static class RuleIndexText
{
    private const string Heading = "datapath rule indexes 1";

    /// <summary>The text of the indexes; equal indexes have equal texts.</summary>
    /// <param name="indexes">The numbers.</param>
    public static string Print(RuleIndexes indexes)
    {
        ArgumentNullException.ThrowIfNull(indexes);
        var text = new StringBuilder(Heading).Append('\n');
        foreach ((int index, RuleKey key, bool isRetired) in indexes.Rules)
        {
            RuleIdentity rule = key.Rule;
            Line(text, "rule", isRetired, index, $"{key.Content:x16}", rule.Kind.ToString(), rule.Direction.ToString());
            text.Append('\t').Append(rule.Position);
            Fields(text, rule.Namespace, rule.Ruleset, rule.RuleName);
            text.Append('\n');
        }
        foreach ((int number, UnitKey unit, bool isRetired) in indexes.Units)
        {
            Line(text, "unit", isRetired, number, unit.Occurrence.ToString(CultureInfo.InvariantCulture));
            Fields(text, unit.Namespace, unit.Name);
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Reads what <see cref="Print"/> wrote.</summary>
    /// <param name="text">The text.</param>
    public static RuleIndexReading Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0 || lines[0] != Heading)
        {
            return new RuleIndexReading(null, $"line 1 is not '{Heading}'");
        }
        var rules = new Dictionary<RuleKey, int>();
        var units = new Dictionary<UnitKey, int>();
        HashSet<int> retiredRules = [];
        HashSet<int> retiredUnits = [];
        for (int i = 1; i < lines.Length; i++)
        {
            string[] fields = lines[i].Split('\t');
            bool isRead = fields[0] switch
            {
                "rule" => Entered(rules, retiredRules, fields, RuleOf(fields)),
                "unit" => Entered(units, retiredUnits, fields, UnitOf(fields)),
                _ => false,
            };
            if (!isRead)
            {
                return new RuleIndexReading(null, $"line {i + 1} cannot be read");
            }
        }
        bool isUnique = rules.Values.Distinct().Count() == rules.Count && units.Values.Distinct().Count() == units.Count;
        return isUnique
            ? new RuleIndexReading(new RuleIndexes(rules, retiredRules, units, retiredUnits), null)
            : new RuleIndexReading(null, "a number is given twice");
    }

    private static void Line(StringBuilder text, string what, bool isRetired, int number, params ReadOnlySpan<string> more)
    {
        text.Append(what).Append('\t').Append(isRetired ? "retired" : "live").Append('\t').Append(number);
        Fields(text, more);
    }

    private static void Fields(StringBuilder text, params ReadOnlySpan<string> fields)
    {
        foreach (string field in fields)
        {
            text.Append('\t').Append(Uri.EscapeDataString(field));
        }
    }

    private static RuleKey? RuleOf(string[] fields) =>
        fields.Length == 10
        && ulong.TryParse(fields[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong content)
        && Enum.TryParse(fields[4], out RuleKind kind)
        && Enum.TryParse(fields[5], out Direction direction)
        && int.TryParse(fields[6], NumberStyles.None, CultureInfo.InvariantCulture, out int position)
            ? new RuleKey(new RuleIdentity(kind, Plain(fields[7]), Plain(fields[8]), direction, position, Plain(fields[9])), content)
            : null;

    private static UnitKey? UnitOf(string[] fields) =>
        fields.Length == 6 && int.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out int occurrence)
            ? new UnitKey(Plain(fields[4]), Plain(fields[5]), occurrence)
            : null;

    private static string Plain(string field) => Uri.UnescapeDataString(field);

    private static bool Entered<TKey>(Dictionary<TKey, int> numbers, HashSet<int> retired, string[] fields, TKey? key)
        where TKey : struct
    {
        if (
            key is not { } known
            || fields[1] is not ("live" or "retired")
            || !int.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            || number < 1
            || !numbers.TryAdd(known, number)
        )
        {
            return false;
        }
        return fields[1] == "live" || retired.Add(number);
    }
}

/// <summary>What <see cref="RuleIndexText.Parse"/> found.</summary>
/// <param name="Indexes">The numbers; null when the text is damaged.</param>
/// <param name="Problem">What is wrong with it; null when nothing is.</param>
public sealed record RuleIndexReading(RuleIndexes? Indexes, string? Problem);
