using System.Collections.Immutable;

namespace Datapath.Agent.Documents;

/// <summary>What <c>datapath version --json</c> and <c>GET /v1/version</c> answer.</summary>
/// <param name="Version">The version of the release.</param>
/// <param name="Commit">The revision that it was built from; empty when the build did not know.</param>
internal sealed record VersionDocument(string Version, string Commit)
{
    /// <summary>The document of a version.</summary>
    /// <param name="version">Which build.</param>
    public static VersionDocument Of(AgentVersion version) => new(version.Number, version.Commit);
}

/// <summary>What <c>datapath check --json</c> answers.</summary>
/// <param name="Files">The files that were read, in order.</param>
/// <param name="Errors">How many errors there are.</param>
/// <param name="Warnings">How many warnings there are.</param>
/// <param name="Diagnostics">Both, in the order of the files.</param>
/// <param name="Policy">What the policy comes to; null when it has errors.</param>
internal sealed record CheckDocument(
    ImmutableArray<string> Files,
    int Errors,
    int Warnings,
    ImmutableArray<DiagnosticDocument> Diagnostics,
    CheckedPolicyDocument? Policy
);

/// <summary>What a sound policy comes to.</summary>
/// <param name="Rules">Rules that decide somewhere, defaults and built-ins included.</param>
/// <param name="Units">Units of this host.</param>
/// <param name="PeerClasses">Groups of addresses that no rule tells apart.</param>
/// <param name="PortClasses">Groups of ports that no rule tells apart.</param>
internal sealed record CheckedPolicyDocument(int Rules, int Units, int PeerClasses, int PortClasses);

/// <summary>What <c>datapath purge --json</c> answers.</summary>
/// <param name="DryRun">Nothing was removed, only looked for.</param>
/// <param name="Instances">Each instance that was looked for.</param>
internal sealed record PurgeDocument(bool DryRun, ImmutableArray<PurgedInstanceDocument> Instances);

/// <summary>What was removed of one instance.</summary>
/// <param name="Instance">Its name.</param>
/// <param name="Removed">Kernel objects that were, or in a dry run would be, removed.</param>
/// <param name="Remaining">Kernel objects that are still there; empty when the removal is proved.</param>
/// <param name="Problems">What could not be looked at or removed, and why; empty when all of it could.</param>
internal sealed record PurgedInstanceDocument(string Instance, ImmutableArray<string> Removed, ImmutableArray<string> Remaining, ImmutableArray<string> Problems)
{
    /// <summary>What stays because another instance needs it too, each with the reason.</summary>
    public ImmutableArray<string> Kept { get; init; } = [];
}

/// <summary>What <c>datapath config --json</c> answers.</summary>
/// <param name="File">The configuration file that is meant.</param>
/// <param name="FileFound">Whether there is one.</param>
/// <param name="Settings">Each setting of an agent, in the order of the help text.</param>
internal sealed record ConfigDocument(string File, bool FileFound, ImmutableArray<SettingDocument> Settings);

/// <summary>A setting and where it comes from.</summary>
/// <param name="Option">The option of the command line.</param>
/// <param name="Key">Its environment variable, and key of the file.</param>
/// <param name="Value">The value as written, or the default in words; null for none.</param>
/// <param name="Origin"><c>flag</c>, <c>environment</c>, <c>file</c> or <c>default</c>.</param>
/// <param name="Place">The option, the variable, or file and line; null for a default.</param>
internal sealed record SettingDocument(string Option, string? Key, string? Value, string Origin, string? Place);

/// <summary>What <c>datapath install --json</c> and <c>uninstall --json</c> answer.</summary>
/// <param name="DryRun">Nothing was done, only looked for.</param>
/// <param name="Steps">What was, or in a dry run would be, done, in that order.</param>
/// <param name="Problems">What could not be.</param>
internal sealed record InstallDocument(bool DryRun, ImmutableArray<InstallStepDocument> Steps, ImmutableArray<string> Problems);

/// <summary>A step.</summary>
/// <param name="Result"><c>created</c>, <c>changed</c>, <c>unchanged</c>, <c>kept</c>, <c>removed</c> or <c>done</c>.</param>
/// <param name="What">A path, a kernel object, a command.</param>
internal sealed record InstallStepDocument(string Result, string What);
