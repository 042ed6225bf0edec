using Datapath.Interop;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Host;

/// <summary>What only the kernel can do for files, for those who do not speak to it themselves.</summary>
public static class HostFiles
{
    /// <summary>Two directories take each other's names in one step.</summary>
    /// <param name="one">A directory.</param>
    /// <param name="other">Another of the same file system.</param>
    /// <exception cref="IOException">Not possible here; both are as they were.</exception>
    public static void Exchange(string one, string other) => Guard(() => Directories.Exchange(one, other));

    /// <summary>Waits until the entries of a directory are on the disk.</summary>
    /// <param name="directory">The directory.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    public static void Flush(string directory) => Guard(() => Directories.Flush(directory));

    /// <summary>The content of a file; null where it is not there or not for us.</summary>
    internal static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (KernelException refusal)
        {
            throw new IOException(refusal.Message, refusal);
        }
    }
}
