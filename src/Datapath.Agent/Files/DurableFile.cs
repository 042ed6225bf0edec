using Datapath.Backends.Host;

namespace Datapath.Agent.Files;

/// <summary>Files that are there as a whole or not at all, whenever the host dies.</summary>
internal static class DurableFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The mode of directories that only their owner may enter.</summary>
    public const UnixFileMode OwnerDirectory = OwnerOnly | UnixFileMode.UserExecute;

    /// <summary>Replaces a file by another content, all of it or nothing.</summary>
    /// <param name="path">The file; its directory is made if it is not there.</param>
    /// <param name="text">The content.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static void Replace(string path, string text)
    {
        string directory = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(directory, OwnerDirectory);
        string temporary = path + ".new";
        Write(temporary, text, OwnerOnly);
        File.Move(temporary, path, overwrite: true);
        HostFiles.Flush(directory);
    }

    /// <summary>Writes a file to the disk; a host that dies meanwhile leaves half of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="text">The content.</param>
    /// <param name="mode">Who may read it.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public static void Write(string path, string text, UnixFileMode mode)
    {
        FileStreamOptions options = new()
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = mode,
        };
        using FileStream file = new(path, options);
        using (StreamWriter writer = new(file, leaveOpen: true))
        {
            writer.Write(text);
        }

        // Without it the rename may reach the disk before the content, and a power cut leaves an empty file.
        file.Flush(flushToDisk: true);
    }
}
