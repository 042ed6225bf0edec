using System.Globalization;

namespace Datapath.Flows;

/// <summary>Times as records have them: RFC 3339, UTC, microseconds, always as long; so that texts sort as their times do.</summary>
public static class FlowTimeText
{
    /// <summary>Length of <c>2026-11-21T14:55:18.123456Z</c>.</summary>
    public const int Length = 27;

    private const int Round = 28;

    /// <summary>Writes a time.</summary>
    /// <param name="text">Receives <see cref="Length"/> bytes.</param>
    /// <param name="time">The time.</param>
    public static void Write(Span<byte> text, DateTimeOffset time)
    {
        // The round-trip format has seven digits of a second and a path of its own that is ten times quicker than a format of ours.
        Span<byte> round = stackalloc byte[Round];
        time.UtcDateTime.TryFormat(round, out _, "O", CultureInfo.InvariantCulture);
        round[..(Length - 1)].CopyTo(text);
        text[Length - 1] = (byte)'Z';
    }

    /// <summary>A time as text.</summary>
    /// <param name="time">The time.</param>
    public static string Of(DateTimeOffset time) =>
        string.Create(
            Length,
            time,
            static (text, time) =>
            {
                Span<byte> bytes = stackalloc byte[Length];
                Write(bytes, time);
                System.Text.Encoding.ASCII.GetChars(bytes, text);
            }
        );
}
