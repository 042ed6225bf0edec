using Datapath.Bindgen;
using Datapath.Bindgen.Btf;
using Datapath.Bindgen.Clang;
using Datapath.Bindgen.Writing;
using Datapath.Interop.Btf;
using Datapath.Interop.Processes;
using Datapath.Tests.Support;

namespace Datapath.Tests.Tools.Bindgen;

/// <summary>The border of these tests: a header, an object, and what is generated from them.</summary>
internal static class Border
{
    /// <summary>Where the sources and the recorded results lie, relative to the repository.</summary>
    internal const string Folder = "tests/Datapath.Tests/Tools/Bindgen";

    /// <summary>Functions that <c>border.h</c> declares and a library could have.</summary>
    internal static readonly BindingList Wanted = BindingList.Read(
        """
        header border.h
        function border_open   # with what it speaks of
        function border_walk
        function border_close
        type dp_bits
        """);

    internal static BindingTarget MirrorTarget { get; } = new(Folder, "Datapath.Tests.Tools.Bindgen.Mirror", "Border", "border.h");

    internal static BindingTarget ImportsTarget { get; } = new(Folder, "Datapath.Tests.Tools.Bindgen.Imports", "Border", "border.h");

    internal static string SourceFolder => Repository.PathOf(Folder);

    /// <summary>Types of a compiled object.</summary>
    internal static BtfTypes Types(string source = "border", string? folder = null)
    {
        string directory = folder ?? SourceFolder;
        string compiled = Path.Combine(Path.GetTempPath(), $"dpi-{Environment.ProcessId}-{Guid.NewGuid():n}.o");
        try
        {
            CommandRunner.Run(
                "clang", "-O2", "-g", "-target", "bpf", "-mcpu=v3", $"-I/usr/include/{Multiarch}",
                "-c", Path.Combine(directory, source + ".bpf.c"), "-o", compiled);
            return BtfReader.Read(ElfSection.Find(File.ReadAllBytes(compiled), ".BTF"));
        }
        finally
        {
            File.Delete(compiled);
        }
    }

    /// <summary>The mirror of the object.</summary>
    internal static GeneratedFile Mirror(string? folder = null)
    {
        using TranslationUnit unit = Parse("border.h", folder);
        return AbiMirror.Generate(MirrorTarget, Types(folder: folder), new HeaderReader(unit));
    }

    /// <summary>The imports.</summary>
    internal static GeneratedFile[] Imports(BindingList? list = null, string? folder = null, Predicate<string>? isExported = null)
    {
        using TranslationUnit unit = Parse("border.h", folder);
        return [.. LibraryBindings.Generate(ImportsTarget, list ?? Wanted, new HeaderReader(unit), isExported ?? (_ => true))];
    }

    private static string Multiarch =>
        System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64
            ? "aarch64-linux-gnu"
            : "x86_64-linux-gnu";

    private static TranslationUnit Parse(string header, string? folder) =>
        new($"#include <{header}>\n", [$"-I{folder ?? SourceFolder}"]);
}
