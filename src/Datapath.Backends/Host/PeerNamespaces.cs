using System.Globalization;
using Datapath.Interop;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Host;

/// <summary>
/// Finds the files of network namespaces of which only the host's number is known: the kernel opens a namespace by a file, and tells the
/// number of a file, but not the other way round.
/// </summary>
internal static class PeerNamespaces
{
    // Where iproute2, CNI plugins and Docker keep theirs.
    private static readonly string[] Directories = [NetworkNamespace.NamedDirectory, "/run/docker/netns"];

    /// <summary>Opens namespaces.</summary>
    /// <param name="numbers">Of the calling thread's namespace for the others.</param>
    /// <returns>By number, the caller's to dispose; those that no file and no process has are left out.</returns>
    public static Dictionary<int, NetworkNamespace> Open(IReadOnlySet<int> numbers)
    {
        var found = new Dictionary<int, NetworkNamespace>();
        foreach (string path in Directories.Where(Directory.Exists).SelectMany(Directory.EnumerateFiles).Concat(OfProcesses()))
        {
            if (found.Count == numbers.Count)
            {
                break;
            }

            if (OpenIfThere(path) is { } one && (NumberOf(one) is not { } number || !numbers.Contains(number) || !found.TryAdd(number, one)))
            {
                one.Dispose();
            }
        }

        return found;
    }

    /// <summary>One process of each namespace.</summary>
    private static IEnumerable<string> OfProcesses() =>
        Directory
            .EnumerateDirectories("/proc")
            .Where(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out _))
            .Select(path => Path.Combine(path, "ns/net"))
            .DistinctBy(TargetOf);

    // "net:[4026531840]"; null of a process that has ended, or is none of ours to look at.
    private static string? TargetOf(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static NetworkNamespace? OpenIfThere(string path)
    {
        try
        {
            return NetworkNamespace.Open(path);
        }
        catch (KernelException)
        {
            return null;
        }
    }

    // A name whose namespace is gone is an ordinary file.
    private static int? NumberOf(NetworkNamespace one)
    {
        try
        {
            return Rtnetlink.NamespaceIdOf(one);
        }
        catch (KernelException refusal) when (refusal.Number is Errno.Invalid or Errno.NoEntry)
        {
            return null;
        }
    }
}
