using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;

namespace Datapath.Agent.Files;

/// <summary>A policy as it stands on disk at one moment.</summary>
/// <param name="Files">Every file that could be read, in the order that they count.</param>
/// <param name="Diagnostics">What is wrong with those that could not.</param>
internal sealed record PolicySource(ImmutableArray<PolicyFile> Files, ImmutableArray<Diagnostic> Diagnostics);

/// <summary>The text of one policy file.</summary>
/// <param name="Name">Its path as diagnostics name it.</param>
/// <param name="Text">Its content.</param>
internal sealed record PolicyFile(string Name, string Text);
