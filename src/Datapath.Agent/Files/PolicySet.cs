using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datapath.Agent.Files;

/// <summary>The content of a policy wherever it lies: what is compared, copied and remembered.</summary>
/// <param name="Files">Names without directories, each with its text, in the order that they count.</param>
internal sealed record PolicySet(ImmutableArray<PolicyFile> Files)
{
    /// <summary>Of a hash, as many characters as a person needs to tell two apart.</summary>
    public const int ShortHashLength = 12;

    private const string Extension = ".yaml";

    /// <summary>SHA-256 over names and texts, 64 hexadecimal digits: equal hashes, equal policies.</summary>
    public string Hash
    {
        get
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (PolicyFile file in Files)
            {
                // Lengths first: no two sets of files make one sequence of bytes.
                Append(hash, file.Name);
                Append(hash, file.Text);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>The content of files that were read.</summary>
    /// <param name="source">From one directory, or one file.</param>
    public static PolicySet Of(PolicySource source) =>
        new([.. source.Files.Select(file => file with { Name = NameOf(file.Name) }).OrderBy(file => file.Name, StringComparer.Ordinal)]);

    // A file that a user named counts whatever its name is; in a directory only those do that look like a policy.
    private static string NameOf(string path)
    {
        string name = Path.GetFileName(path).TrimStart('.');
        return PolicyDirectory.IsPolicy(name) ? name : name + Extension;
    }

    private static void Append(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length}\n")));
        hash.AppendData(bytes);
    }
}
