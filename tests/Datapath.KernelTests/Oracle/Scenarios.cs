using System.Runtime.CompilerServices;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Oracle;

/// <summary>The sequences that once differed, or that say something worth keeping.</summary>
internal static class Scenarios
{
    /// <summary>Where they are, from the root of the tree.</summary>
    public const string Folder = "tests/scenarios";

    private const string Ending = ".scenario";

    /// <summary>Their names.</summary>
    public static TheoryData<string> Names => [.. Directory.EnumerateFiles(FullPath(), "*" + Ending).Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    /// <summary>One of them.</summary>
    public static SequenceCase Read(string name) => ScenarioText.Read(File.ReadAllText(Path.Combine(FullPath(), name + Ending)));

    private static string FullPath([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../..", Folder));
}
