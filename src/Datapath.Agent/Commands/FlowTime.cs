using System.Globalization;
using System.Text.RegularExpressions;

namespace Datapath.Agent.Commands;

/// <summary>A moment as a user writes it: so long ago, or a time with its zone.</summary>
/// <remarks>
/// Users of the original had to write <c>-9h5m</c> for five minutes, because it counted from another zone (CNS-153). Here a duration counts from now,
/// whatever zone anybody is in, and a time without a zone is refused instead of guessed. A minus before a duration changes nothing.
/// </remarks>
/// <param name="Ago">So long ago; null for a time.</param>
/// <param name="At">The time; without meaning when <paramref name="Ago"/> is not null.</param>
internal readonly partial record struct FlowTime(TimeSpan? Ago, DateTimeOffset At)
{
    /// <summary>The moment.</summary>
    /// <param name="now">Now.</param>
    public DateTimeOffset From(DateTimeOffset now) => Ago is { } ago ? now - ago : At;

    /// <summary>Reads what a user has written.</summary>
    /// <param name="text">The text.</param>
    public static OptionReading<FlowTime?> Parse(string text)
    {
        if (Duration(text) is { } ago)
        {
            return new FlowTime(ago, default);
        }

        if (Absolute().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset at))
        {
            return new FlowTime(null, at);
        }

        bool lacksZone = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
        return new OptionReading<FlowTime?>(
            null,
            lacksZone ? $"'{text}' does not say in which time zone: write {text}Z or {text}+01:00" : $"'{text}' is not a time: write 5m, 1h30m or 2026-11-21T14:00Z"
        );
    }

    /// <summary>A duration such as <c>90s</c>, <c>1h30m</c> or <c>7d</c>; null for anything else.</summary>
    /// <param name="text">The text.</param>
    public static TimeSpan? Duration(string text)
    {
        Match match = Units().Match(text);
        if (!match.Success || match.Length == match.Groups["sign"].Length)
        {
            return null;
        }

        double seconds =
            Of("d") * TimeSpan.SecondsPerDay + Of("h") * TimeSpan.SecondsPerHour + Of("m") * TimeSpan.SecondsPerMinute + Of("s");
        return TimeSpan.FromSeconds(seconds);

        double Of(string unit) => match.Groups[unit] is { Success: true, Value: var digits } ? double.Parse(digits, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(
        @"^(?<sign>-?)((?<d>\d{1,6})d)?((?<h>\d{1,6})h)?((?<m>\d{1,6})m)?((?<s>\d{1,8})s)?\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex Units();

    [GeneratedRegex(
        @"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,7})?)?(Z|[+-]\d\d:?\d\d)\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex Absolute();
}
