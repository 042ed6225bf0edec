using System.Collections.Immutable;
using Datapath.Agent.Files;

namespace Datapath.Agent.Documents;

/// <summary>The answer to <c>GET /v1/policy/active</c> and <c>…/confirmed</c>: the files of a policy.</summary>
/// <param name="Which"><c>active</c> is what the kernel judges by, <c>confirmed</c> what a start begins with.</param>
/// <param name="Hash">SHA-256 over names and texts, as in the audit log.</param>
/// <param name="Files">In the order that they count.</param>
internal sealed record PolicyFilesDocument(string Which, string Hash, ImmutableArray<PolicyFileDocument> Files)
{
    /// <summary>What the kernel judges by.</summary>
    public const string ActivePolicy = "active";

    /// <summary>What a start begins with.</summary>
    public const string ConfirmedPolicy = "confirmed";

    /// <summary>The files as JSON has them.</summary>
    /// <param name="which">One of the constants.</param>
    /// <param name="policy">The files.</param>
    public static PolicyFilesDocument Of(string which, PolicySet policy) =>
        new(which, policy.Hash, [.. policy.Files.Select(file => new PolicyFileDocument(file.Name, file.Text))]);
}

/// <summary>A file.</summary>
/// <param name="Name">Without a directory.</param>
/// <param name="Text">All of it.</param>
internal sealed record PolicyFileDocument(string Name, string Text);
