namespace Datapath.Policy.Diagnostics;

/// <summary>A kind of diagnostic: its stable number, its severity and the general way out.</summary>
/// <param name="Id">Stable code, <c>DP1xxx</c>; a retired one is never given to something else.</param>
/// <param name="Severity">Whether a file with it can be used all the same.</param>
/// <param name="Title">What it is about, in a few words.</param>
/// <param name="Help">What to write; used where the place of the error has nothing better to say.</param>
public sealed record DiagnosticCode(string Id, DiagnosticSeverity Severity, string Title, string Help)
{
    /// <summary>A diagnostic of this kind.</summary>
    /// <param name="at">Where it stands.</param>
    /// <param name="message">One lower-case sentence without a full stop that names the offending value.</param>
    /// <param name="help">What to write in this very case; null for the general help.</param>
    public Diagnostic At(SourceSpan at, string message, string? help = null) => new(Severity, Id, at, message, help ?? Help);
}
