using Xunit;

namespace Datapath.Tests.Support;

/// <summary>The folders under <c>tests/corpus</c>: one case each.</summary>
internal static class Corpus
{
    /// <summary>Names of the cases of a suite (<c>ok</c>, <c>fail</c>), in ordinal order.</summary>
    public static TheoryData<string> Cases(string suite) =>
        [.. Directory.EnumerateDirectories(Repository.PathOf("tests", "corpus", suite)).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <summary>A file of a case.</summary>
    public static string PathOf(string suite, string name, string file) => Repository.PathOf("tests", "corpus", suite, name, file);

    /// <summary>The policy files of a case with their bare names, in ordinal order: usually one <c>ruleset.yaml</c>.</summary>
    public static (string FileName, string Text)[] PolicyFiles(string suite, string name) =>
        [
            .. Directory
                .EnumerateFiles(Repository.PathOf("tests", "corpus", suite, name))
                .Where(static path => Path.GetExtension(path) is ".yaml" or ".json" && Path.GetFileName(path) is not "inventory.yaml")
                .Order(StringComparer.Ordinal)
                .Select(static path => (Path.GetFileName(path), File.ReadAllText(path))),
        ];
}
