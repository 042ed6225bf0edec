using Datapath.Backends.Host;

namespace Datapath.Agent.Files;

/// <summary>The policy directory, whose files are replaced as one: whoever lists it sees the old set or the new one.</summary>
/// <param name="directory">The directory, or a symbolic link to one; need not exist.</param>
internal sealed class CandidateDirectory(string directory)
{
    private const UnixFileMode FileMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private const UnixFileMode DefaultMode =
        FileMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Replaces the policy files; whatever else is in the directory stays.</summary>
    /// <param name="policy">What is to be there.</param>
    /// <exception cref="IOException">The disk refuses, or the directory cannot be replaced, as a mount point cannot; it is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory above may not be written.</exception>
    public void Replace(PolicySet policy)
    {
        string target = Path.TrimEndingDirectorySeparator(Target());
        string parent = Path.GetDirectoryName(target) ?? throw new IOException($"{target} cannot be replaced");
        bool exists = Directory.Exists(target);
        if (File.Exists(target))
        {
            throw new IOException($"{target} is not a directory");
        }

        // Hidden, and beside it: an exchange is for one file system.
        string other = Path.Combine(parent, $".{Path.GetFileName(target)}.datapath-new");
        SaveLeftovers(other, target);
        Directory.CreateDirectory(other, exists ? File.GetUnixFileMode(target) : DefaultMode);
        foreach (PolicyFile file in policy.Files)
        {
            DurableFile.Write(Path.Combine(other, file.Name), file.Text, FileMode);
        }

        HostFiles.Flush(other);
        if (exists)
        {
            HostFiles.Exchange(target, other);
            SaveLeftovers(other, target);
        }
        else
        {
            Directory.Move(other, target);
        }

        HostFiles.Flush(parent);
    }

    private string Target()
    {
        string full = Path.GetFullPath(directory);
        return Directory.Exists(full) ? Directory.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full : full;
    }

    /// <summary>Takes what is not policy over from the old directory and removes it; also after somebody who died at that.</summary>
    private static void SaveLeftovers(string old, string target)
    {
        if (!Directory.Exists(old))
        {
            return;
        }

        foreach (string entry in Directory.GetFileSystemEntries(old))
        {
            string place = Path.Combine(target, Path.GetFileName(entry));
            bool isPolicy = PolicyDirectory.IsPolicy(entry) && !Directory.Exists(entry);
            if (isPolicy)
            {
                File.Delete(entry);
            }
            else if (!Path.Exists(place) && Directory.Exists(target))
            {
                Move(entry, place);
            }
        }

        // Fails where something has a name that was taken meanwhile: nothing of anybody is thrown away.
        Directory.Delete(old);
    }

    private static void Move(string entry, string place)
    {
        if (Directory.Exists(entry) && !new FileInfo(entry).Attributes.HasFlag(FileAttributes.ReparsePoint))
        {
            Directory.Move(entry, place);
        }
        else
        {
            File.Move(entry, place);
        }
    }
}
