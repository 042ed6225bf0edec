using System.Collections.Immutable;
using System.CommandLine;
using Datapath.Agent.Files;
using Datapath.Agent.Loops;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Commands;

/// <summary>A sound policy from files, for commands that only look.</summary>
/// <param name="Files">The files that were read, in order.</param>
/// <param name="Written">Their objects.</param>
/// <param name="Resolved">What they mean.</param>
internal sealed record PolicyInput(ImmutableArray<string> Files, WrittenPolicy Written, ResolvedPolicy Resolved)
{
    /// <summary>Reads and resolves; says on the error output what is wrong.</summary>
    /// <param name="console">Takes the messages.</param>
    /// <param name="path">A file or a directory.</param>
    /// <param name="options">What decides the meaning besides the files.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null when there are errors: they have been said.</returns>
    public static async Task<PolicyInput?> ReadAsync(
        InvocationConfiguration console,
        string path,
        PolicyOptions options,
        CancellationToken cancellation
    )
    {
        PolicySource source = await PolicyFileReader.ReadNamedAsync([path], cancellation);
        PolicyReading reading = PolicyBuild.Read(source);
        ImmutableArray<Diagnostic> diagnostics = reading.Diagnostics;
        ResolvedPolicy? resolved = null;
        if (!diagnostics.Any(IsError))
        {
            PolicyResolution resolution = PolicyResolver.Resolve(reading.Policy, HostInventory.Unknown, options);
            diagnostics = [.. diagnostics, .. resolution.Diagnostics];
            resolved = resolution.Policy;
        }

        // Warnings are what `check` is for.
        ImmutableArray<Diagnostic> errors = [.. diagnostics.Where(IsError)];
        await console.Error.WriteAsync(DiagnosticText.Render(errors));
        return resolved is null || !errors.IsEmpty ? null : new PolicyInput([.. source.Files.Select(file => file.Name)], reading.Policy, resolved);
    }

    private static bool IsError(Diagnostic diagnostic) => diagnostic.Severity == DiagnosticSeverity.Error;
}
