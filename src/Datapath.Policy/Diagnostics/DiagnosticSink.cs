using System.Collections.Immutable;

namespace Datapath.Policy.Diagnostics;

/// <summary>Collects what there is to say about a set of files, in any order, and gives it out in one.</summary>
public sealed class DiagnosticSink
{
    // Nobody reads more, and a hostile file could ask for millions. Errors and warnings count apart, so that many warnings never hide the first error.
    private const int MostOfOneSeverity = 10_000;

    private readonly List<Diagnostic> _diagnostics = [];
    private int _errors;
    private int _warnings;

    /// <summary>Notes one diagnostic.</summary>
    /// <param name="code">What kind it is.</param>
    /// <param name="at">Where it stands.</param>
    /// <param name="message">One lower-case sentence without a full stop that names the offending value.</param>
    /// <param name="help">What to write in this very case; null for the code's general help.</param>
    public void Report(DiagnosticCode code, SourceSpan at, string message, string? help = null)
    {
        bool isError = code.Severity == DiagnosticSeverity.Error;
        int count = isError ? ++_errors : ++_warnings;
        if (count <= MostOfOneSeverity)
        {
            _diagnostics.Add(code.At(at, message, help));
        }
        else if (count == MostOfOneSeverity + 1)
        {
            string kind = isError ? "errors" : "warnings";
            _diagnostics.Add(PolicyDiagnostics.MoreProblems.At(at, $"there are more than {MostOfOneSeverity} {kind}, and from here on they are not listed"));
        }
    }

    /// <summary>
    /// Everything that was reported, by file, line, column and code. What is said twice of one place is given once: an aliased node is read as often as it is named.
    /// </summary>
    public ImmutableArray<Diagnostic> ToSorted() =>
        [
            .. _diagnostics
                .Distinct()
                .OrderBy(static d => d.At.File, StringComparer.Ordinal)
                .ThenBy(static d => d.At.Line)
                .ThenBy(static d => d.At.Column)
                .ThenBy(static d => d.Code, StringComparer.Ordinal)
                .ThenBy(static d => d.Message, StringComparer.Ordinal),
        ];
}
