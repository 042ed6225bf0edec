using Datapath.Bindgen.Clang;
using Datapath.Bindgen.Model;
using Datapath.Bindgen.Writing;

namespace Datapath.Bindgen;

/// <summary>The functions of a library that are on the list, and every struct and enum they speak of.</summary>
internal static class LibraryBindings
{
    // CS8981: C's names are lower case, which C# would keep for itself.
    private const string Pragma = "#pragma warning disable CS8981\n";

    /// <summary>The files as they should be.</summary>
    /// <param name="target">Where they go.</param>
    /// <param name="list">What is wanted.</param>
    /// <param name="reader">The headers.</param>
    /// <param name="isExported">Whether the library has a function.</param>
    /// <exception cref="BindgenException">Something on the list is not there; the message names each.</exception>
    internal static IEnumerable<GeneratedFile> Generate(
        BindingTarget target, BindingList list, HeaderReader reader, Predicate<string> isExported)
    {
        CFunction[] functions = Functions(list, reader, isExported);
        foreach (string tag in list.Types)
        {
            reader.Reach(tag);
        }

        var types = new TypeNames(Naming.AsInC);
        var imports = new FunctionWriter(Naming.AsInC, types);
        yield return new GeneratedFile(
            target.File("Api"),
            target.Source,
            $"{target.Mark}{Pragma}using System.Runtime.InteropServices;\n\nnamespace {target.Namespace};\n\n"
            + $"internal static unsafe partial class {target.Name}Api\n{{",
            [.. functions.Select(imports.Write)],
            Footer: "}\n");

        var structs = new StructWriter(Naming.AsInC, types, comparesBytes: false);
        var enums = new EnumWriter(Naming.AsInC);
        Block[] declarations = [.. reader.Enums.Select(enums.Write), .. reader.Records.Select(structs.Write)];
        yield return new GeneratedFile(
            target.File("Types"),
            target.Source,
            $"{target.Mark}{Pragma}using System.Runtime.CompilerServices;\nusing System.Runtime.InteropServices;\n\nnamespace {target.Namespace};\n",
            [.. declarations, .. types.Arrays.Select(array => structs.Write(array.Key, array.Value))]);
    }

    /// <summary>The functions on the list.</summary>
    /// <param name="list">What is wanted.</param>
    /// <param name="reader">The headers.</param>
    /// <param name="isExported">Whether the library has a function.</param>
    /// <exception cref="BindgenException">Some are not there to be imported; the message names each.</exception>
    internal static CFunction[] Functions(BindingList list, HeaderReader reader, Predicate<string> isExported)
    {
        CFunction[] functions = [.. list.Functions.Select(reader.Function)];
        RequireImportable(functions, isExported);
        return functions;
    }

    // A declaration is no promise: some functions are inline, and libbpf 1.1 declares some that it does not have.
    private static void RequireImportable(CFunction[] functions, Predicate<string> isExported)
    {
        string[] problems =
        [
            .. functions.Where(function => function.IsStatic)
                .Select(function => $"{function.Name} is static in {function.Header}: there is nothing to import"),
            .. functions.Where(function => !function.IsStatic && !isExported(function.Name))
                .Select(function => $"{function.Name} is declared in {function.Header}, but the library does not export it"),
        ];
        if (problems.Length > 0)
        {
            throw new BindgenException(string.Join(Environment.NewLine, problems));
        }
    }
}
