using Datapath.Mutants;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Tools.Mutants;

public sealed class MutantTests
{
    private const string Sound = "fault: a sign is lost\nfile: a.cs\ntest: Datapath.Tests SomeTests\n--- find\nreturn -x;\n--- put\nreturn x;\n";

    public static TheoryData<string> Names => [.. Mutant.ReadAll(Repository.Root).Select(one => one.Name)];

    [Theory, MemberData(nameof(Names))]
    public void A_mutant_can_be_planted_and_names_tests_that_exist(string name)
    {
        Mutant mutant = Mutant.ReadAll(Repository.Root).Single(one => one.Name == name);
        string sound = File.ReadAllText(Repository.PathOf(mutant.File));
        Assert.NotEqual(sound, mutant.Plant(sound));
        Assert.Single(
            Directory.EnumerateFiles(Repository.PathOf("tests", mutant.TestProject), mutant.TestClass + ".cs", SearchOption.AllDirectories)
        );
    }

    [Fact]
    public void A_fault_stands_where_its_text_stood() =>
        Assert.Equal("int f()\nreturn x;\n}\n", Mutant.Parse("m", Sound).Plant("int f()\nreturn -x;\n}\n"));

    [Theory]
    [InlineData("return y;\n", "nowhere")]
    [InlineData("return -x;\nreturn -x;\n", "more than once")]
    public void A_fault_whose_text_is_gone_or_ambiguous_is_refused(string text, string why) =>
        Assert.Contains(why, Assert.Throws<MutantException>(() => Mutant.Parse("m", Sound).Plant(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("fault: ")]
    [InlineData("file: ")]
    [InlineData("test: ")]
    [InlineData("--- find\n")]
    [InlineData("--- put\n")]
    [InlineData(" SomeTests")]
    public void A_mutant_that_lacks_a_part_is_refused(string part) =>
        Assert.Throws<MutantException>(() => Mutant.Parse("m", Sound.Replace(part, "", StringComparison.Ordinal)));

    [Fact]
    public void A_copy_follows_the_tree_and_leaves_equal_files_alone()
    {
        string folder = Directory.CreateTempSubdirectory("datapath-mutants-").FullName;
        try
        {
            string source = Path.Combine(folder, "tree");
            string copy = Path.Combine(folder, "copy");
            Directory.CreateDirectory(Path.Combine(source, "src", "bin"));
            File.WriteAllText(Path.Combine(source, "src", "a"), "1");
            File.WriteAllText(Path.Combine(source, "src", "b"), "1");
            File.WriteAllText(Path.Combine(source, "src", "bin", "built"), "1");
            string first = TreeCopy.Synchronize(source, copy).Fingerprint;
            File.SetLastWriteTimeUtc(Path.Combine(copy, "src", "a"), DateTime.UnixEpoch);
            File.WriteAllText(Path.Combine(copy, "src", "left"), "1");
            File.WriteAllText(Path.Combine(source, "src", "b"), "2");
            string second = TreeCopy.Synchronize(source, copy).Fingerprint;
            Assert.Equal(["a", "b"], Directory.EnumerateFileSystemEntries(Path.Combine(copy, "src")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
            Assert.Equal(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(Path.Combine(copy, "src", "a")));
            Assert.Equal("2", File.ReadAllText(Path.Combine(copy, "src", "b")));
            Assert.NotEqual(first, second);
            Assert.Equal(second, TreeCopy.Synchronize(source, copy).Fingerprint);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
