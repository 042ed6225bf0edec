using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Hosting;

/// <summary>
/// Writes the log: one line for each message, with its time, level, event number and text, and once more the values in the text, each under
/// its name, so that programs need not take the text apart.
/// </summary>
/// <remarks>
/// Our own instead of the console logger of the framework, whose background queue costs start-up time and loses the last lines,
/// the ones that say why the agent ended.
/// </remarks>
/// <param name="output">Where the lines go; written to by one thread at a time.</param>
/// <param name="clock">Where the time comes from.</param>
/// <param name="format">What a line looks like.</param>
/// <param name="isJournal">Each line begins with its priority for the journal, as sd-daemon(3) describes.</param>
internal sealed class LineLogger(TextWriter output, TimeProvider clock, LogFormat format = LogFormat.KeyValue, bool isJournal = false)
    : ILoggerProvider,
        ILogger
{
    // The framework's name for the unfilled text among the values of a message.
    private const string Template = "{OriginalFormat}";

    // What MESSAGE, PRIORITY and EVENT_ID say already, and the time, which the journal has.
    private const int CommonFields = 4;

    private readonly Lock _turn = new();

    /// <summary>Takes the same with a field for each value; null where it is no journal that reads the lines. What it does not take is written.</summary>
    public JournalSocket? Journal { get; init; }

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => this;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        List<KeyValuePair<string, object?>> fields =
        [
            new("time", clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)),
            new("level", Word(logLevel)),
            new("event", eventId.Id),
            new("msg", formatter(state, exception) + (exception is null ? "" : $": {exception}")),
        ];
        if (state is IReadOnlyList<KeyValuePair<string, object?>> values)
        {
            fields.AddRange(values.Where(value => value.Key != Template).Select(value => new KeyValuePair<string, object?>(KeyOf(value.Key), value.Value)));
        }

        string line = format == LogFormat.Json ? Json(fields) : KeyValues(fields);
        lock (_turn)
        {
            if (Journal?.TrySend(Priority(logLevel), eventId.Id, line, fields.Skip(CommonFields).Select(field => (field.Key, Text(field.Value)))) == true)
            {
                return;
            }

            output.WriteLine(isJournal ? $"<{Priority(logLevel)}>{line}" : line);
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The writer belongs to the caller.
    }

    private static string KeyValues(List<KeyValuePair<string, object?>> fields) =>
        string.Join(' ', fields.Select(field => $"{field.Key}={(IsNumber(field.Value) ? Text(field.Value) : InQuotes(Text(field.Value)))}"));

    private static string Json(List<KeyValuePair<string, object?>> fields)
    {
        StringBuilder text = new("{");
        foreach ((string key, object? value) in fields)
        {
            text.Append(text.Length == 1 ? "" : ",").Append($"\"{Escaped(key)}\":");
            text.Append(IsNumber(value) ? Text(value) : $"\"{Escaped(Text(value))}\"");
        }

        return text.Append('}').ToString();
    }

    // File names and file contents end up in messages: none of them may begin a line of its own, or make up a key.
    private static string InQuotes(string text) =>
        text.Length > 0 && text.All(c => c is > ' ' and < '\u007f' and not '"' and not '=' and not '\\') ? text : $"\"{Escaped(text)}\"";

    // The default encoder writes ' and é as \u escapes, for the sake of browsers; ours end in terminals and journals.
    private static JsonEncodedText Escaped(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static bool IsNumber(object? value) => value is int or uint or long or ulong || (value is double number && double.IsFinite(number));

    private static string KeyOf(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static string Word(LogLevel level) =>
        level switch
        {
            LogLevel.Trace or LogLevel.Debug => "debug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warning",
            _ => "error",
        };

    // syslog(3): 3 error, 4 warning, 6 informational, 7 debug.
    private static int Priority(LogLevel level) =>
        level switch
        {
            LogLevel.Trace or LogLevel.Debug => 7,
            LogLevel.Information => 6,
            LogLevel.Warning => 4,
            _ => 3,
        };
}
