using System.Collections.Immutable;

namespace Datapath.Bindgen.Model;

/// <summary>A struct or union.</summary>
/// <param name="Keyword"><c>struct</c> or <c>union</c>.</param>
/// <param name="Name">In C; of one without a name, its parent's and its member's.</param>
/// <param name="Source">Where it is from, for the reader of the generated file.</param>
/// <param name="SizeBytes">Its size; 0 for one that C only names.</param>
/// <param name="Fields">In order of declaration.</param>
internal sealed record CRecord(string Keyword, string Name, string Source, int SizeBytes, ImmutableArray<CField> Fields)
{
    /// <summary>Whether only its name is known, so that there are only pointers to it.</summary>
    internal bool IsOpaque => SizeBytes == 0;
}
