using System.Collections.Immutable;
using Datapath.Agent.Files;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Loops;

/// <summary>A policy as it was read at one moment, and what the reader made of it.</summary>
/// <param name="Source">The files.</param>
/// <param name="Reading">Their objects, and what is wrong with them.</param>
/// <param name="Content">What is compared and kept.</param>
/// <param name="Hash">Hash of the content.</param>
internal sealed record PolicyVersion(PolicySource Source, PolicyReading Reading, PolicySet Content, string Hash)
{
    /// <summary>Names of the files, as diagnostics have them.</summary>
    public ImmutableArray<string> Files => [.. Source.Files.Select(file => file.Name)];

    /// <summary>Reads files.</summary>
    /// <param name="source">As they were brought from disk.</param>
    public static PolicyVersion Of(PolicySource source)
    {
        var content = PolicySet.Of(source);
        return new PolicyVersion(source, PolicyBuild.Read(source), content, content.Hash);
    }

    /// <summary>Whether another one has the same files, read or not, under the same names.</summary>
    /// <param name="other">Just brought from disk.</param>
    public bool IsOf(PolicySource other) => other.Files.SequenceEqual(Source.Files) && other.Diagnostics.SequenceEqual(Source.Diagnostics);
}
