using System.Net.Sockets;

namespace Datapath.Agent.Hosting;

/// <summary>The bound Unix socket of an agent, not yet listening, together with the right to it.</summary>
/// <remarks>
/// It is claimed before anything else is done, so that a second agent of an instance ends without having touched the kernel.
/// Bound, restricted, then listening: nobody can connect before the mode is set.
/// </remarks>
internal sealed class ControlSocket : IDisposable
{
    // The group is that of the process: `datapath` for the service, root's own otherwise. It may ask; orders are for root (OrderRequest).
    private const UnixFileMode OwnerAndGroup = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private readonly InstanceLock _right;

    private ControlSocket(string path, Socket socket, InstanceLock right)
    {
        Path = path;
        Socket = socket;
        _right = right;
    }

    /// <summary>Where it is, as an absolute path.</summary>
    public string Path { get; }

    /// <summary>The socket; the server that listens on it closes it.</summary>
    public Socket Socket { get; }

    /// <summary>Makes the directory, takes the lock, replaces what a dead agent left, and binds.</summary>
    /// <param name="instance">Whose socket.</param>
    /// <param name="path">Where; at most 107 bytes, a limit of the system.</param>
    /// <param name="runtimeDirectory">Where the locks of all instances are.</param>
    /// <exception cref="ControlSocketException">An agent of the instance runs, or the path cannot be used.</exception>
    public static ControlSocket Claim(InstanceName instance, string path, string runtimeDirectory)
    {
        string absolute = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(absolute) ?? "/", InstanceLock.DirectoryMode);
            InstanceLock right =
                InstanceLock.TryTake(instance, runtimeDirectory)
                ?? throw new ControlSocketException($"an agent of instance '{instance}' is already running");
            return Bind(absolute, right);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException or SocketException or ArgumentException)
        {
            throw new ControlSocketException($"cannot use the socket {absolute}: {refusal.Message}", refusal);
        }
    }

    /// <summary>Closes the socket, removes its file and gives the right back.</summary>
    public void Dispose()
    {
        Socket.Dispose();
        File.Delete(Path);
        _right.Dispose();
    }

    private static ControlSocket Bind(string path, InstanceLock right)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            RemoveStaleSocket(path);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, OwnerAndGroup);
            return new ControlSocket(path, socket, right);
        }
        catch
        {
            socket.Dispose();
            right.Dispose();
            throw;
        }
    }

    // The lock is ours, so no agent of this instance listens. But the path may be anybody's: a live socket of
    // another program, or a file that somebody named by mistake, is not ours to remove.
    private static void RemoveStaleSocket(string path)
    {
        if (Directory.Exists(path))
        {
            throw new IOException("there is a directory of that name");
        }

        if (!File.Exists(path))
        {
            return;
        }

        if (!IsSocket(path))
        {
            throw new IOException("there is a file of that name that is not a socket");
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException refusal) when (refusal.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }

        throw new ControlSocketException($"another program listens on the socket {path}");
    }

    // open(2) answers ENXIO for a socket whatever the flags; everything else opens. Reading and writing at once does not
    // wait for the other end of a named pipe.
    private static bool IsSocket(string path)
    {
        try
        {
            File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }
}
