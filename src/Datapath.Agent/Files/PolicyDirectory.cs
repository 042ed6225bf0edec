using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Datapath.Agent.Files;

/// <summary>Which files of a directory are policy, and whether they have changed.</summary>
internal static class PolicyDirectory
{
    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    // Attributes are looked at by name only: on Linux "hidden" is a leading dot, and a link counts for what it points to.
    private static readonly EnumerationOptions TopLevel = new() { AttributesToSkip = FileAttributes.None };

    /// <summary>The policy files of a directory in ordinal order of their names; none when it is missing.</summary>
    /// <param name="directory">The directory, or a symbolic link to one.</param>
    /// <exception cref="IOException">It is something else than a directory, or cannot be listed: not the same as an empty policy.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be listed.</exception>
    public static ImmutableArray<string> List(string directory)
    {
        if (File.Exists(directory))
        {
            throw new IOException("it is not a directory");
        }

        if (!Directory.Exists(directory))
        {
            return [];
        }

        try
        {
            return
            [
                .. Directory
                    .EnumerateFiles(directory, "*", TopLevel)
                    .Where(IsPolicy)
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (DirectoryNotFoundException)
        {
            // It was swapped between the two calls; the watch says so and it is listed again.
            return [];
        }
    }

    /// <summary>A text that differs when a file was added, removed, renamed or rewritten.</summary>
    /// <param name="directory">The directory; a missing one has a fingerprint too.</param>
    public static string Fingerprint(string directory)
    {
        StringBuilder print = new();
        try
        {
            foreach (string path in List(directory))
            {
                FileSystemInfo file = Target(path);
                long length = file is FileInfo { Exists: true } regular ? regular.Length : -1;
                print.Append(CultureInfo.InvariantCulture, $"{path}\0{file.FullName}\0{length}\0{file.LastWriteTimeUtc.Ticks}\n");
            }
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            print.Append(refusal.Message);
        }

        return print.ToString();
    }

    /// <summary>Whether a file of this name counts.</summary>
    /// <param name="path">With or without its directory.</param>
    public static bool IsPolicy(string path)
    {
        string name = Path.GetFileName(path);
        return name.Length > 0 && name[0] != '.' && Extensions.Any(extension => name.EndsWith(extension, StringComparison.Ordinal));
    }

    // Of a link the time and length are its own; what matters is what it leads to.
    private static FileSystemInfo Target(string path)
    {
        FileInfo file = new(path);
        try
        {
            return file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        }
        catch (IOException)
        {
            // A link that leads nowhere, or in a circle: reading it gives the diagnostic.
            return file;
        }
    }
}
