using Datapath.Bindgen.Btf;
using Datapath.Bindgen.Clang;
using Datapath.Bindgen.Model;
using Datapath.Bindgen.Writing;
using Datapath.Interop.Btf;

namespace Datapath.Bindgen;

/// <summary>The C# side of a border to BPF programs: structs, enums and maps from the BTF of the object, numbers from the header's macros.</summary>
internal static class AbiMirror
{
    private const string TypeList = "dp_abi_types";
    private const string MacroPrefix = "DP_";

    // Explicitly laid out structs have no equality of their own that knows of arrays inside.
    private const string RawBytes = """
        /// <summary>Equality as the kernel has it for keys: byte by byte.</summary>
        file static class RawBytes
        {
            internal static bool Equal<T>(in T left, in T right)
                where T : unmanaged => Of(in left).SequenceEqual(Of(in right));

            internal static int Hash<T>(in T value)
                where T : unmanaged
            {
                var hash = new HashCode();
                hash.AddBytes(Of(in value));
                return hash.ToHashCode();
            }

            private static ReadOnlySpan<byte> Of<T>(in T value)
                where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        }

        """;

    /// <summary>The file as it should be.</summary>
    /// <param name="target">Where it goes.</param>
    /// <param name="types">Of the object.</param>
    /// <param name="header">The header of the border.</param>
    /// <exception cref="BindgenException">A type that C# cannot mirror.</exception>
    internal static GeneratedFile Generate(BindingTarget target, BtfTypes types, HeaderReader header)
    {
        var source = new ObjectReader(types, "bpf", TypeList);
        var names = new TypeNames(Naming.AsInCSharp);
        var structs = new StructWriter(Naming.AsInCSharp, names, comparesBytes: true);
        var enums = new EnumWriter(Naming.AsInCSharp);
        var blocks = new List<Block> { ConstantWriter.Write(header.NumberMacros(MacroPrefix)) };
        blocks.AddRange(source.Enums.Select(enums.Write));
        blocks.AddRange(source.Records.Select(structs.Write));
        blocks.Add(new MapWriter(Naming.AsInCSharp, names).Write(source.Maps));
        blocks.AddRange(names.Arrays.Select(array => structs.Write(array.Key, array.Value)));
        blocks.Add(LayoutWriter.Write(types, source.Records, source.Enums, source.Maps));
        blocks.Add(new Block("the comparison of bytes", RawBytes.ReplaceLineEndings("\n")));
        string usings = "using System.Runtime.CompilerServices;\nusing System.Runtime.InteropServices;\n"
            + "using Datapath.Interop.Btf;\nusing Datapath.Interop.Libbpf;\n";
        return new GeneratedFile(
            target.File(""), target.Source, $"{target.Mark}#nullable enable\n{usings}\nnamespace {target.Namespace};\n", blocks);
    }
}
