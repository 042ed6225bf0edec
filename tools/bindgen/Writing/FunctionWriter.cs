using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Writing;

/// <summary>Writes imports of a library.</summary>
internal sealed class FunctionWriter(Naming naming, TypeNames types)
{
    /// <summary>One import.</summary>
    internal Block Write(CFunction source)
    {
        // What returns a pointer says why there is none in errno, which the runtime has to save before it runs anything else.
        string import = source.Result is CType.Pointer ? "LibraryImport(Library, SetLastError = true)" : "LibraryImport(Library)";
        string parameters = string.Join(", ", source.Parameters.Select(parameter =>
            $"{types.Of(parameter.Type)} {naming.Field(parameter.Name, isBigEndian: false)}"));
        return new Block(
            $"function {source.Name}",
            $"    /// <summary>{source.Header}: <c>{source.Name}</c>.</summary>\n"
            + $"    [{import}]\n    internal static partial {types.Of(source.Result)} {source.Name}({parameters});\n");
    }
}
