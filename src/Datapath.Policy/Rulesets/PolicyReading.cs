using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets;

/// <summary>What came of reading policy files.</summary>
/// <param name="Policy">The objects that could be read. With an error among the diagnostics it is not the policy that the author meant.</param>
/// <param name="Diagnostics">Everything there is to say, by file, line, column and code.</param>
public sealed record PolicyReading(WrittenPolicy Policy, ImmutableArray<Diagnostic> Diagnostics)
{
    /// <summary>Whether the files have to be refused.</summary>
    public bool HasErrors => Diagnostics.Any(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
}
