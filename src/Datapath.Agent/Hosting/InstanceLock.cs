namespace Datapath.Agent.Hosting;

/// <summary>The right to be the one agent of an instance. It ends with the process, however that ends.</summary>
/// <remarks>
/// An advisory lock (flock(2)): unlike a socket, it cannot be stale. It is in one place whatever <c>--socket</c> says, because pins are
/// shared by the whole machine and whoever purges must find the lock without being told.
/// </remarks>
internal sealed class InstanceLock : IDisposable
{
    // EWOULDBLOCK, which is what .NET hands on when flock(2) says that another process has the lock.
    private const int WouldBlock = 11;

    /// <summary>Of the directory of locks and sockets: the group of the process may get to the sockets.</summary>
    public const UnixFileMode DirectoryMode = OwnerOnly | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;
    private readonly FileStream _file;

    private InstanceLock(string path, FileStream file)
    {
        _path = path;
        _file = file;
    }

    /// <summary>Takes the lock, or returns null when another process has it.</summary>
    /// <param name="instance">Whose.</param>
    /// <param name="runtimeDirectory">Where the locks are; made when it is not there.</param>
    /// <exception cref="IOException">The file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be opened.</exception>
    public static InstanceLock? TryTake(InstanceName instance, string runtimeDirectory)
    {
        Directory.CreateDirectory(runtimeDirectory, DirectoryMode);
        string path = PathOf(instance, runtimeDirectory);
        try
        {
            InstanceLock taken = new(path, Open(path));
            if (taken.IsTheFileOfItsName())
            {
                return taken;
            }

            // Its last owner removed it between our open and our lock: whoever locks the next file of this name must win.
            taken._file.Dispose();
            return null;
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

    /// <summary>Removes the file and gives the right back, in this order: nobody else's file is ever removed.</summary>
    public void Dispose()
    {
        File.Delete(_path);
        _file.Dispose();
    }

    private static string PathOf(InstanceName instance, string runtimeDirectory) => Path.Combine(runtimeDirectory, $"{instance}.lock");

    private static FileStream Open(string path) =>
        new(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = OwnerOnly,
            }
        );

    // Two files of one name are told apart by a time that is set through the one and looked up by the name. Reading content by name
    // would not do: .NET takes a shared lock for every file that it opens, and ours keeps that out.
    private bool IsTheFileOfItsName()
    {
        DateTime mark = DateTime.UnixEpoch.AddTicks(Random.Shared.NextInt64(TimeSpan.FromDays(10_000).Ticks));
        File.SetLastWriteTimeUtc(_file.SafeFileHandle, mark);
        return File.GetLastWriteTimeUtc(_path) == mark;
    }
}
