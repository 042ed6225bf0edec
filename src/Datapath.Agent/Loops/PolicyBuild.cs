using System.Collections.Immutable;
using Datapath.Agent.Files;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Loops;

/// <summary>What became of a policy on its way from files to tables.</summary>
/// <param name="Policy">The tables; null when a stage found errors.</param>
/// <param name="Indexes">The numbers in use once it is applied; those from before when it is refused.</param>
/// <param name="Diagnostics">Of every stage that ran, in their order; a stage does not run after one with errors.</param>
internal sealed record PolicyBuild(CompiledPolicy? Policy, RuleIndexes Indexes, ImmutableArray<Diagnostic> Diagnostics)
{
    /// <summary>What the tables were compiled from; null like these.</summary>
    public ResolvedPolicy? Resolved { get; init; }

    /// <summary>Errors among the diagnostics.</summary>
    public int ErrorCount => Diagnostics.Count(IsError);

    /// <summary>Takes a policy through the pure stages: read, resolve, compile.</summary>
    /// <param name="source">The files.</param>
    /// <param name="inventory">The host that it is for.</param>
    /// <param name="options">What decides its meaning besides the files.</param>
    /// <param name="indexes">The numbers given away so far.</param>
    public static PolicyBuild Of(PolicySource source, HostInventory inventory, PolicyOptions options, RuleIndexes indexes) =>
        Of(Read(source), inventory, options, indexes);

    /// <summary>Takes a policy that was read before through the other stages, for a host that has changed.</summary>
    /// <param name="reading">What the reader made of the files.</param>
    /// <param name="inventory">The host that it is for.</param>
    /// <param name="options">What decides its meaning besides the files.</param>
    /// <param name="indexes">The numbers given away so far.</param>
    /// <param name="resolution">What earlier builds of the same owner left; null to start from nothing.</param>
    /// <param name="compilation">The same of the next stage.</param>
    public static PolicyBuild Of(
        PolicyReading reading,
        HostInventory inventory,
        PolicyOptions options,
        RuleIndexes indexes,
        ResolutionMemory? resolution = null,
        CompilationMemory? compilation = null
    )
    {
        if (reading.Diagnostics.Any(IsError))
        {
            // Resolving half a policy would complain about everything that the missing half defines.
            return new PolicyBuild(null, indexes, reading.Diagnostics);
        }

        PolicyResolution resolved = PolicyResolver.Resolve(reading.Policy, inventory, options, resolution);
        ImmutableArray<Diagnostic> known = [.. reading.Diagnostics, .. resolved.Diagnostics];
        if (resolved.HasErrors)
        {
            return new PolicyBuild(null, indexes, known);
        }

        PolicyCompilation compiled = PolicyCompiler.Compile(resolved.Policy, indexes, compilation);
        return new PolicyBuild(compiled.Policy, compiled.Indexes, [.. known, .. compiled.Diagnostics]) { Resolved = resolved.Policy };
    }

    /// <summary>The first stage alone: what is written in the files, and what is wrong with it.</summary>
    /// <param name="source">The files; those that could not be brought from disk are errors too.</param>
    public static PolicyReading Read(PolicySource source)
    {
        PolicyReading reading = PolicyReader.ReadAll(source.Files.Select(file => (file.Name, file.Text)));
        return reading with { Diagnostics = [.. source.Diagnostics, .. reading.Diagnostics] };
    }

    private static bool IsError(Diagnostic diagnostic) => diagnostic.Severity == DiagnosticSeverity.Error;
}
