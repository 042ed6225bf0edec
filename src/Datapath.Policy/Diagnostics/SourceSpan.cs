namespace Datapath.Policy.Diagnostics;

/// <summary>The place in a file that something was read from.</summary>
/// <param name="File">The file's name as the user gave it.</param>
/// <param name="Line">From 1; 0 when the whole file is meant.</param>
/// <param name="Column">From 1, in UTF-16 units; 0 when the whole file is meant.</param>
public readonly record struct SourceSpan(string File, int Line, int Column)
{
    /// <summary><c>file:line:column</c>, or the file alone.</summary>
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}
