using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>Calls libraries that leave file descriptors open, so that this process does not keep what they hold.</summary>
internal static class OwnDescriptors
{
    /// <summary>
    /// Runs a function on a thread that has a table of file descriptors of its own, as it was at the beginning (unshare(2), CLONE_FILES). Whatever
    /// is open there in the end is closed with the thread, in the network namespace of the calling thread.
    /// </summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="function">Disposes what it opens, and gives back nothing that has a descriptor: elsewhere its number is another one's.</param>
    /// <exception cref="KernelException">Not permitted.</exception>
    internal static T Run<T>(Func<T> function)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (LibcApi.unshare(LibcApi.CLONE_FILES) < 0)
                {
                    throw new KernelException("unshare", "file descriptors", Marshal.GetLastPInvokeError());
                }

                result = function();
            }
            catch (Exception exception) // rethrown on the thread that waits for it
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        {
            IsBackground = true,
            Name = "own descriptors",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
