using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Hosting;

/// <summary>Writes the log: one line per message, <c>time level event message</c>.</summary>
/// <remarks>
/// Our own instead of the console logger of the framework, whose background queue costs start-up time and loses the last lines,
/// the ones that say why the agent ended.
/// </remarks>
/// <param name="output">Where the lines go; written to by one thread at a time.</param>
/// <param name="clock">Where the time comes from.</param>
internal sealed class LineLogger(TextWriter output, TimeProvider clock) : ILoggerProvider, ILogger
{
    private readonly Lock _turn = new();

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
        string time = clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        string message = formatter(state, exception);
        string cause = exception is null ? "" : $": {exception}";
        string line = string.Create(CultureInfo.InvariantCulture, $"{time} {Word(logLevel)} {eventId.Id} {OnOneLine(message + cause)}");
        lock (_turn)
        {
            output.WriteLine(line);
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The writer belongs to the caller.
    }

    // File names and file contents end up in messages: none of them may begin a line of its own.
    private static string OnOneLine(string text) =>
        text.AsSpan().IndexOfAnyInRange('\0', '\u001f') < 0
            ? text
            : string.Concat(text.Select(c => c < ' ' ? (c == '\n' ? " | " : " ") : c.ToString()));

    private static string Word(LogLevel level) =>
        level switch
        {
            LogLevel.Trace or LogLevel.Debug => "debug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warning",
            _ => "error",
        };
}
