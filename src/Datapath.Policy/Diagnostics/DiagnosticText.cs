using System.Text;

namespace Datapath.Policy.Diagnostics;

/// <summary>Diagnostics as people and editors read them: <c>file:12:7: error DP1003: …</c> and an indented help line.</summary>
public static class DiagnosticText
{
    /// <summary>All of them, in the order given, each with its help; empty text for none. Every line ends in a line feed.</summary>
    /// <param name="diagnostics">In the order to print.</param>
    public static string Render(IEnumerable<Diagnostic> diagnostics)
    {
        StringBuilder text = new();
        foreach (Diagnostic diagnostic in diagnostics)
        {
            text.Append(Render(diagnostic)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>One diagnostic: a line, and a second one with the help if there is any; no line feed at the end.</summary>
    /// <param name="diagnostic">What to print.</param>
    public static string Render(Diagnostic diagnostic)
    {
        string severity = diagnostic.Severity == DiagnosticSeverity.Error ? "error" : "warning";
        string line = $"{diagnostic.At}: {severity} {diagnostic.Code}: {diagnostic.Message}";
        return diagnostic.Help is null ? line : $"{line}\n    help: {diagnostic.Help}";
    }
}
