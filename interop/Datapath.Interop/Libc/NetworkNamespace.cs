using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>A network namespace, held open.</summary>
public sealed unsafe class NetworkNamespace : IDisposable
{
    /// <summary>Where iproute2 binds the namespaces it names.</summary>
    public const string NamedDirectory = "/run/netns";

    private readonly FileDescriptor _descriptor;

    private NetworkNamespace(FileDescriptor descriptor, string path)
    {
        _descriptor = descriptor;
        Path = path;
    }

    /// <summary>The open file.</summary>
    internal FileDescriptor Descriptor => _descriptor;

    /// <summary>The file it was opened by.</summary>
    public string Path { get; }

    /// <summary>Opens a namespace by a file that refers to it.</summary>
    /// <param name="path">Such as <c>/run/netns/web</c> or <c>/proc/17/ns/net</c>.</param>
    /// <exception cref="KernelException">No such file (ENOENT), or not permitted.</exception>
    public static NetworkNamespace Open(string path)
    {
        fixed (byte* cPath = Utf8Text.ZeroTerminated(path))
        {
            int descriptor = LibcApi.open(cPath, LibcApi.O_RDONLY | LibcApi.O_CLOEXEC, 0);
            return descriptor >= 0
                ? new NetworkNamespace(new FileDescriptor(descriptor), path)
                : throw new KernelException("open network namespace", path, Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Opens a namespace that <c>ip netns</c> named.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="KernelException">No such namespace (ENOENT).</exception>
    public static NetworkNamespace OpenNamed(string name) => Open(System.IO.Path.Combine(NamedDirectory, name));

    /// <summary>Runs something in the namespace a file refers to.</summary>
    /// <param name="path">Such as <c>/run/netns/web</c>.</param>
    /// <param name="action">See <see cref="Run{T}"/>.</param>
    /// <exception cref="KernelException">No such namespace, or not permitted.</exception>
    public static void Run(string path, Action action)
    {
        using NetworkNamespace target = Open(path);
        target.Run(action);
    }

    /// <summary>The number by which programs know the namespace of the calling thread (<c>bpf_get_netns_cookie</c>); never 0.</summary>
    /// <exception cref="KernelException">A kernel before 5.14 (ENOPROTOOPT).</exception>
    public static ulong CurrentCookie()
    {
        int descriptor = LibcApi.socket(LibcApi.AF_INET, LibcApi.SOCK_DGRAM | LibcApi.SOCK_CLOEXEC, 0);
        if (descriptor < 0)
        {
            throw new KernelException("open", "socket", Marshal.GetLastPInvokeError());
        }

        using var socket = new FileDescriptor(descriptor);
        ulong cookie = 0;
        uint length = sizeof(ulong);
        return LibcApi.getsockopt(descriptor, LibcApi.SOL_SOCKET, LibcApi.SO_NETNS_COOKIE, &cookie, &length) == 0
            ? cookie
            : throw new KernelException("ask for", "network namespace cookie", Marshal.GetLastPInvokeError());
    }

    /// <summary>Runs something in this namespace.</summary>
    /// <param name="action">See <see cref="Run{T}"/>.</param>
    /// <exception cref="KernelException">Not permitted.</exception>
    public void Run(Action action) =>
        Run(() =>
        {
            action();
            return true;
        });

    /// <summary>Runs something in this namespace and gives its result.</summary>
    /// <typeparam name="T">The result.</typeparam>
    /// <param name="function">Runs on a thread of its own, which ends afterwards; what it awaits goes on elsewhere, in another namespace.</param>
    /// <exception cref="KernelException">Not permitted.</exception>
    /// <remarks>
    /// A namespace belongs to a thread. A thread of the pool that could not be put back would serve strangers in the
    /// wrong namespace, so this one is never put back: it ends.
    /// </remarks>
    public T Run<T>(Func<T> function)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                result = function();
            }
            catch (Exception exception) // rethrown on the thread that waits for it
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        {
            IsBackground = true,
            Name = "netns " + System.IO.Path.GetFileName(Path),
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    private void Enter()
    {
        using FileDescriptor.Lease fd = _descriptor.Borrow();
        if (LibcApi.setns(fd.Number, LibcApi.CLONE_NEWNET) < 0)
        {
            throw new KernelException("enter network namespace", Path, Marshal.GetLastPInvokeError());
        }
    }
}
