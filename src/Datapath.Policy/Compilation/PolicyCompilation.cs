using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Compilation;

/// <summary>What <see cref="PolicyCompiler"/> made of a policy.</summary>
/// <param name="Policy">The tables; null when the policy is refused.</param>
/// <param name="Indexes">The numbers in use from now on; unchanged when the policy is refused.</param>
/// <param name="Diagnostics">Why it is refused; empty when it is not.</param>
public sealed record PolicyCompilation(CompiledPolicy? Policy, RuleIndexes Indexes, ImmutableArray<Diagnostic> Diagnostics);
