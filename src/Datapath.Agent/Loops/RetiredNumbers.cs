using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>
/// Since when numbers of rules and units are out of use, so that they can be given away again before they run out: every edit of a rule takes
/// a new number, and the kernel counts under 65,536 of them.
/// </summary>
/// <remarks>
/// A value. A time stands for the apply that took the number out of the kernel, never for a policy that was only compiled. What is forgotten,
/// because a file is lost, only waits longer.
/// </remarks>
internal sealed class RetiredNumbers
{
    /// <summary>
    /// Longer than anything in the kernel can carry a number that no generation has: the longest timeout of a flow is five days, and an
    /// event that was not read waits for the agent alone.
    /// </summary>
    public static readonly TimeSpan Quarantine = TimeSpan.FromDays(6);

    private const string Heading = "datapath retired numbers 1";

    private readonly ImmutableSortedDictionary<int, DateTimeOffset> _rules;
    private readonly ImmutableSortedDictionary<int, DateTimeOffset> _units;

    private RetiredNumbers(ImmutableSortedDictionary<int, DateTimeOffset> rules, ImmutableSortedDictionary<int, DateTimeOffset> units)
    {
        _rules = rules;
        _units = units;
    }

    /// <summary>Nothing is known to be out of use.</summary>
    public static RetiredNumbers None { get; } =
        new(ImmutableSortedDictionary<int, DateTimeOffset>.Empty, ImmutableSortedDictionary<int, DateTimeOffset>.Empty);

    /// <summary>What is out of use after an apply.</summary>
    /// <param name="indexes">The numbers as that policy left them.</param>
    /// <param name="now">When it was applied.</param>
    public RetiredNumbers After(RuleIndexes indexes, DateTimeOffset now) =>
        new(After(_rules, indexes.RetiredRules, now), After(_units, indexes.RetiredUnits, now));

    /// <summary>What is out of use still; for numbers that came back into use since the times were noted.</summary>
    /// <param name="indexes">The numbers as they are.</param>
    public RetiredNumbers StillIn(RuleIndexes indexes) =>
        new(
            _rules.RemoveRange(_rules.Keys.Except(indexes.RetiredRules)),
            _units.RemoveRange(_units.Keys.Except(indexes.RetiredUnits))
        );

    /// <summary>Rules that have been out of use long enough to be other rules, ascending.</summary>
    /// <param name="now">The time.</param>
    public ImmutableArray<int> RulesDue(DateTimeOffset now) => Due(_rules, now);

    /// <summary>Units that have been out of use long enough to be other units, ascending.</summary>
    /// <param name="now">The time.</param>
    public ImmutableArray<int> UnitsDue(DateTimeOffset now) => Due(_units, now);

    /// <summary>One number a line, after what it is and before the second it went.</summary>
    public string Print()
    {
        var text = new StringBuilder(Heading).Append('\n');
        Print(text, "rule", _rules);
        Print(text, "unit", _units);
        return text.ToString();
    }

    /// <summary>Reads what <see cref="Print()"/> wrote. What cannot be read is not known, and so waits from now on.</summary>
    /// <param name="text">The text.</param>
    public static RetiredNumbers Parse(string text)
    {
        string[] lines = text.Split('\n');
        return string.Equals(lines[0], Heading, StringComparison.Ordinal) ? new RetiredNumbers(Read(lines, "rule"), Read(lines, "unit")) : None;
    }

    private static ImmutableSortedDictionary<int, DateTimeOffset> After(
        ImmutableSortedDictionary<int, DateTimeOffset> known,
        ImmutableArray<int> retired,
        DateTimeOffset now
    ) => retired.ToImmutableSortedDictionary(number => number, number => known.GetValueOrDefault(number, now));

    private static ImmutableArray<int> Due(ImmutableSortedDictionary<int, DateTimeOffset> numbers, DateTimeOffset now) =>
        [.. numbers.Where(one => now - one.Value > Quarantine).Select(one => one.Key)];

    private static void Print(StringBuilder text, string what, ImmutableSortedDictionary<int, DateTimeOffset> numbers)
    {
        foreach ((int number, DateTimeOffset since) in numbers)
        {
            text.Append(CultureInfo.InvariantCulture, $"{what} {number} {since.ToUnixTimeSeconds()}\n");
        }
    }

    private static ImmutableSortedDictionary<int, DateTimeOffset> Read(string[] lines, string what)
    {
        var numbers = ImmutableSortedDictionary.CreateBuilder<int, DateTimeOffset>();
        foreach (string[] fields in lines.Select(line => line.Split(' ')).Where(fields => fields.Length == 3 && string.Equals(fields[0], what, StringComparison.Ordinal)))
        {
            bool isRead =
                int.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                & long.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out long seconds);
            if (isRead && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            {
                numbers[number] = DateTimeOffset.FromUnixTimeSeconds(seconds);
            }
        }

        return numbers.ToImmutable();
    }
}
