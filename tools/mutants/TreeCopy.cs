using System.Security.Cryptography;
using System.Text;

namespace Datapath.Mutants;

/// <summary>A copy of the tree that is kept between runs, so that only what has changed is built again.</summary>
internal sealed class TreeCopy
{
    // What is built, what git keeps, and the machines of the kernel matrix: nothing that a mutant changes or a test reads.
    private static readonly string[] LeftOut = ["bin", "obj", "out", ".git", "vagrant"];

    private TreeCopy(string root, string fingerprint)
    {
        Root = root;
        Fingerprint = fingerprint;
    }

    /// <summary>Where the copy is.</summary>
    public string Root { get; }

    /// <summary>A hash of everything in it.</summary>
    public string Fingerprint { get; }

    /// <summary>Makes the copy equal to the tree. Files that are equal already keep their times, and so are not built again.</summary>
    /// <param name="source">The tree.</param>
    /// <param name="root">Where the copy is to be.</param>
    public static TreeCopy Synchronize(string source, string root)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (string path in Files(source, "").Order(StringComparer.Ordinal))
        {
            kept.Add(path);
            byte[] content = File.ReadAllBytes(Path.Combine(source, path));
            hash.AppendData(Encoding.UTF8.GetBytes(path));
            hash.AppendData(content);
            Write(Path.Combine(source, path), Path.Combine(root, path), content);
        }

        if (Directory.Exists(root))
        {
            foreach (string path in Files(root, "").Where(path => !kept.Contains(path)))
            {
                File.Delete(Path.Combine(root, path));
            }
        }

        return new TreeCopy(root, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static IEnumerable<string> Files(string root, string folder)
    {
        string at = Path.Combine(root, folder);
        foreach (string path in Directory.EnumerateFiles(at))
        {
            yield return Path.Combine(folder, Path.GetFileName(path));
        }

        foreach (string name in Directory.EnumerateDirectories(at).Select(path => Path.GetFileName(path)).Except(LeftOut))
        {
            foreach (string path in Files(root, Path.Combine(folder, name)))
            {
                yield return path;
            }
        }
    }

    private static void Write(string from, string to, byte[] content)
    {
        if (File.Exists(to) && content.AsSpan().SequenceEqual(File.ReadAllBytes(to)))
        {
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.WriteAllBytes(to, content);
        File.SetUnixFileMode(to, File.GetUnixFileMode(from));
    }
}
