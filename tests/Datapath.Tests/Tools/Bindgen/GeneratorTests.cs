using Datapath.Bindgen;
using Datapath.Bindgen.Model;
using Datapath.Bindgen.Writing;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Tools.Bindgen;

/// <summary>What is written, byte by byte, and what is refused.</summary>
/// <remarks>The recorded files are part of this assembly, and the tests of the generated code use them.</remarks>
public sealed class GeneratorTests
{
    [Fact]
    public void The_mirror_of_an_object_is_the_recorded_one() => AssertRecorded(Border.Mirror());

    [Fact]
    public void The_imports_of_a_library_are_the_recorded_ones() => Assert.All(Border.Imports(), AssertRecorded);

    [Fact]
    public void Neither_a_second_run_nor_another_directory_makes_a_difference()
    {
        string elsewhere = Directory.CreateTempSubdirectory("dpi-bindgen-").FullName;
        try
        {
            foreach (string source in Directory.EnumerateFiles(Border.SourceFolder, "border.*"))
            {
                File.Copy(source, Path.Combine(elsewhere, Path.GetFileName(source)));
            }

            Assert.Equal(Border.Mirror().Text, Border.Mirror(elsewhere).Text);
            Assert.Equal(Border.Imports().Select(file => file.Text), Border.Imports(folder: elsewhere).Select(file => file.Text));
        }
        finally
        {
            Directory.Delete(elsewhere, recursive: true);
        }
    }

    [Theory]
    [InlineData("border_inline", "border_inline is static in border.h: there is nothing to import")]
    [InlineData("border_missing", "border_missing is declared in border.h, but the library does not export it")]
    [InlineData("border_unknown", "no header declares the function border_unknown")]
    public void A_function_that_cannot_be_imported_is_refused_by_name(string function, string message)
    {
        var list = new BindingList(["border.h"], [function], []);
        BindgenException refusal = Assert.Throws<BindgenException>(() => Border.Imports(list, isExported: name => name != "border_missing"));
        Assert.Equal(message, refusal.Message);
    }

    [Fact]
    public void A_type_that_is_not_there_is_refused_by_name() =>
        Assert.Equal(
            "no header defines the struct or enum border_nothing",
            Assert.Throws<BindgenException>(() => Border.Imports(new BindingList(["border.h"], [], ["border_nothing"]))).Message);

    [Fact]
    public void A_line_of_the_list_that_is_nothing_is_refused() =>
        Assert.Throws<BindgenException>(() => BindingList.Read("functions bpf_map_create"));

    [Fact]
    public void A_header_that_does_not_compile_is_refused_with_the_compilers_words()
    {
        BindgenException refusal = Assert.Throws<BindgenException>(() => new Datapath.Bindgen.Clang.TranslationUnit("struct broken {", []));
        Assert.Contains("expected '}'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pointer_has_no_place_in_a_border()
    {
        using var unit = new Datapath.Bindgen.Clang.TranslationUnit("", []);
        BindgenException refusal = Assert.Throws<BindgenException>(
            () => AbiMirror.Generate(Border.MirrorTarget, Border.Types("pointer"), new Datapath.Bindgen.Clang.HeaderReader(unit)));
        Assert.Equal("dp_broken_next is of kind Pointer, which has no place in a map or an event", refusal.Message);
    }

    [Fact]
    public void A_value_whose_sign_depends_on_the_compiler_has_no_place_in_a_border()
    {
        using var unit = new Datapath.Bindgen.Clang.TranslationUnit("", []);
        BindgenException refusal = Assert.Throws<BindgenException>(
            () => AbiMirror.Generate(Border.MirrorTarget, Border.Types("negative"), new Datapath.Bindgen.Clang.HeaderReader(unit)));
        Assert.StartsWith("DP_SIGNED_BELOW of enum dp_signed has its top bit set", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_object_is_refused() =>
        Assert.Throws<BindgenException>(() => { Datapath.Bindgen.Btf.ElfSection.Find("#!/bin/sh\n"u8, ".BTF"); });

    [Fact]
    public void A_difference_is_reported_by_the_name_of_the_struct()
    {
        string repository = Directory.CreateTempSubdirectory("dpi-bindgen-").FullName;
        try
        {
            GeneratedFile file = Border.Mirror();
            Assert.True(file.Write(repository));
            Assert.False(file.Write(repository));
            Assert.Null(file.Difference(repository));
            string path = Path.Combine(repository, file.Path);
            File.WriteAllText(path, File.ReadAllText(path).Replace("ushort HostPort;", "short HostPort;", StringComparison.Ordinal));
            Assert.Equal(
                $"struct dp_wire changed: {Border.Folder}/Border.g.cs is not what border.h says; regenerate it with ./build.sh fix",
                file.Difference(repository));
            File.AppendAllText(path, "// more\n");
            Assert.StartsWith("struct dp_wire changed", file.Difference(repository), StringComparison.Ordinal);
            file.Write(repository);
            File.AppendAllText(path, "// more\n");
            Assert.StartsWith("something that is gone changed", file.Difference(repository), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(repository, recursive: true);
        }
    }

    private static void AssertRecorded(GeneratedFile file) => Golden.AssertMatches(Repository.PathOf(file.Path), file.Text);
}
