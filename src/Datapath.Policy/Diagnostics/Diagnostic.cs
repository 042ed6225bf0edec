namespace Datapath.Policy.Diagnostics;

/// <summary>Something to tell the author of a policy file: where, what, and the way out.</summary>
/// <param name="Severity">Whether the file can be used all the same.</param>
/// <param name="Code">Stable code, <c>DP1xxx</c>.</param>
/// <param name="At">Where it stands.</param>
/// <param name="Message">One sentence without a full stop.</param>
/// <param name="Help">What to write instead; null when the message says it.</param>
public sealed record Diagnostic(DiagnosticSeverity Severity, string Code, SourceSpan At, string Message, string? Help);

/// <summary>Whether a file with this diagnostic can be used.</summary>
public enum DiagnosticSeverity
{
    /// <summary>Legal, but surely not what was meant.</summary>
    Warning,

    /// <summary>The file is refused and the last good policy stays.</summary>
    Error,
}
