namespace Datapath.Agent.Hosting;

/// <summary>The right to be the one agent of an instance. It ends with the process, however that ends.</summary>
/// <remarks>
/// An advisory lock (flock(2)) on a file beside the socket: unlike the socket, a lock cannot be stale. The file itself stays, because
/// removing it would let two agents lock two files of one name.
/// </remarks>
internal sealed class InstanceLock : IDisposable
{
    // EWOULDBLOCK, which is what .NET hands on when flock(2) says that another process has the lock.
    private const int WouldBlock = 11;

    private readonly FileStream _file;

    private InstanceLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, or returns null when another process has it.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="socketPath">The socket of the instance; its directory must exist.</param>
    /// <exception cref="IOException">The file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public static InstanceLock? TryTake(InstanceName instance, string socketPath)
    {
        FileStreamOptions alone = new()
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        try
        {
            return new InstanceLock(new FileStream(PathBeside(instance, socketPath), alone));
        }
        catch (IOException refusal) when (refusal.HResult == WouldBlock)
        {
            return null;
        }
    }

    /// <summary>Whether an agent of the instance runs, as far as a socket in this directory tells.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="socketPath">The socket of the instance.</param>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public static bool IsTaken(InstanceName instance, string socketPath)
    {
        if (!File.Exists(PathBeside(instance, socketPath)))
        {
            return false;
        }

        using InstanceLock? own = TryTake(instance, socketPath);
        return own is null;
    }

    /// <summary>Gives the right back.</summary>
    public void Dispose() => _file.Dispose();

    private static string PathBeside(InstanceName instance, string socketPath) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(socketPath)) ?? "/", $"{instance}.lock");
}
