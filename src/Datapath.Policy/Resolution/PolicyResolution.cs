using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Resolution;

/// <summary>What <see cref="PolicyResolver"/> made of the written objects.</summary>
/// <param name="Policy">The policy; with errors among the diagnostics it is only good for showing, not for enforcing.</param>
/// <param name="Diagnostics">Everything that the author should know, in a stable order.</param>
public sealed record PolicyResolution(ResolvedPolicy Policy, ImmutableArray<Diagnostic> Diagnostics)
{
    /// <summary>Whether the policy must not be enforced.</summary>
    public bool HasErrors => Diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
}
