using System.Text.RegularExpressions;

namespace Datapath.Agent.Collecting;

/// <summary>Takes out of texts what nobody should send to somebody else: passwords in URLs, tokens in headers and variables, private keys.</summary>
internal static partial class Secrets
{
    private const string InItsPlace = "(left out)";

    /// <summary>The text without them.</summary>
    /// <param name="text">Any text.</param>
    public static string LeftOut(string text)
    {
        string without = PrivateKey().Replace(text, InItsPlace);
        without = UserOfUrl().Replace(without, $"${{scheme}}{InItsPlace}@");
        return Named().Replace(without, $"${{name}}{InItsPlace}");
    }

    [GeneratedRegex(@"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)", RegexOptions.ExplicitCapture | RegexOptions.Singleline, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex PrivateKey();

    // scheme://user:password@host
    [GeneratedRegex(@"(?<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s@""']+@", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex UserOfUrl();

    // OTEL_EXPORTER_OTLP_HEADERS=…, password: …, "authorization": "Bearer …"
    [GeneratedRegex(
        @"(?<name>\b[\w.-]*(password|passwd|secret|token|authorization|api[_-]?key|otlp_headers)\b[""']?\s*[=:]\s*)([""'][^""'\n]*[""']|[^\n]+)",
        RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase,
        matchTimeoutMilliseconds: 10_000
    )]
    private static partial Regex Named();
}
