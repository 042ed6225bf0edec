using System.Collections.Immutable;

namespace Datapath.Tests.Architecture;

/// <summary>The files of the repository that this test was built from.</summary>
internal static class Repository
{
    private static readonly ImmutableHashSet<string> Built = ["bin", "obj", "out", "TestResults", ".git", ".vs", ".idea"];

    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Every file that somebody wrote, as a path below the root with forward slashes, in a stable order.</summary>
    public static ImmutableArray<string> Files { get; } = [.. List(Root).Order(StringComparer.Ordinal)];

    /// <summary>The text of a file.</summary>
    /// <param name="path">Below the root.</param>
    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>The lines of a file, without their ends.</summary>
    /// <param name="path">Below the root.</param>
    public static string[] ReadLines(string path) => File.ReadAllLines(Path.Combine(Root, path));

    /// <summary>Files below a folder with an ending, generated ones left out.</summary>
    /// <param name="folder">Below the root, with a slash at the end; empty for all.</param>
    /// <param name="endings">Such as <c>.cs</c>.</param>
    public static IEnumerable<string> Written(string folder, params string[] endings) =>
        Files.Where(path =>
            path.StartsWith(folder, StringComparison.Ordinal)
            && !path.EndsWith(".g.cs", StringComparison.Ordinal)
            && !path.EndsWith("packages.lock.json", StringComparison.Ordinal)
            && endings.Any(ending => path.EndsWith(ending, StringComparison.Ordinal))
        );

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Datapath.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException($"no Datapath.sln above {AppContext.BaseDirectory}");
    }

    private static IEnumerable<string> List(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            yield return Path.GetRelativePath(Root, file).Replace(Path.DirectorySeparatorChar, '/');
        }

        foreach (var child in Directory.EnumerateDirectories(folder).Where(child => !Built.Contains(Path.GetFileName(child))))
        {
            foreach (var file in List(child))
            {
                yield return file;
            }
        }
    }
}
