namespace Datapath.Agent.Hosting;

/// <summary>The right to be the one agent of an instance. It ends with the process, however that ends.</summary>
/// <remarks>
/// An advisory lock (flock(2)): unlike a socket, it cannot be stale. It is in one place whatever <c>--socket</c> says, because pins are
/// shared by the whole machine and whoever purges must find the lock without being told. The file itself stays, because removing it
/// would let two agents lock two files of one name.
/// </remarks>
internal sealed class InstanceLock : IDisposable
{
    // EWOULDBLOCK, which is what .NET hands on when flock(2) says that another process has the lock.
    private const int WouldBlock = 11;

    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly FileStream _file;

    private InstanceLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, or returns null when another process has it.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="runtimeDirectory">Where the locks are; made when it is not there.</param>
    /// <exception cref="IOException">The file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public static InstanceLock? TryTake(InstanceName instance, string runtimeDirectory)
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
            Directory.CreateDirectory(runtimeDirectory, DirectoryMode);
            return new InstanceLock(new FileStream(PathOf(instance, runtimeDirectory), alone));
        }
        catch (IOException refusal) when (refusal.HResult == WouldBlock)
        {
            return null;
        }
    }

    /// <summary>Whether an agent of the instance runs.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="runtimeDirectory">Where the locks are.</param>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public static bool IsTaken(InstanceName instance, string runtimeDirectory)
    {
        if (!File.Exists(PathOf(instance, runtimeDirectory)))
        {
            return false;
        }

        using InstanceLock? own = TryTake(instance, runtimeDirectory);
        return own is null;
    }

    /// <summary>Gives the right back.</summary>
    public void Dispose() => _file.Dispose();

    private static string PathOf(InstanceName instance, string runtimeDirectory) => Path.Combine(runtimeDirectory, $"{instance}.lock");
}
