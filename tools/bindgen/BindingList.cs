using System.Collections.Immutable;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen;

/// <summary>The curated list: which headers, which functions, and which types that no function names.</summary>
/// <param name="Headers">As they are included.</param>
/// <param name="Functions">In the order of the generated file.</param>
/// <param name="Types">Structs and enums by tag.</param>
internal sealed record BindingList(ImmutableArray<string> Headers, ImmutableArray<string> Functions, ImmutableArray<string> Types)
{
    /// <summary>C source that includes the headers.</summary>
    internal string Includes => string.Concat(Headers.Select(header => $"#include <{header}>\n"));

    /// <summary>Reads a list: lines of a word and a name; <c>#</c> begins a comment.</summary>
    /// <exception cref="BindgenException">A line that is neither.</exception>
    internal static BindingList Read(string text)
    {
        ILookup<string, string> names = text.Split('\n')
            .Select(line => line.Split('#')[0].Trim())
            .Where(line => line.Length > 0)
            .Select(Entry)
            .ToLookup(entry => entry.Kind, entry => entry.Name, StringComparer.Ordinal);
        return new BindingList([.. names["header"]], [.. names["function"]], [.. names["type"]]);
    }

    private static (string Kind, string Name) Entry(string line) =>
        line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["header" or "function" or "type", _] words
            ? (words[0], words[1])
            : throw new BindgenException($"'{line}' is neither a header, a function nor a type");
}
