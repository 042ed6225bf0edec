using System.Globalization;
using Datapath.Backends.Host;
using Datapath.Interop.Libc;
using Xunit;

namespace Datapath.KernelTests.Support;

/// <summary>
/// A cgroup of our own below that of the test process, and its children. They are threaded, so that one thread of this process can make a socket
/// there; whose a socket is depends on nothing else.
/// </summary>
internal sealed class LabCgroup : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromMilliseconds(5);
    private static int _count;

    private LabCgroup(string path, bool isThreaded = true)
    {
        Path = path;
        System.IO.Directory.CreateDirectory(Directory);
        if (isThreaded)
        {
            File.WriteAllText($"{Directory}/cgroup.type", "threaded");
        }
    }

    /// <summary>Below the root of the hierarchy, as a policy names it.</summary>
    public string Path { get; }

    /// <summary>Where it is in the file system.</summary>
    public string Directory => Assert.IsType<CgroupTree>(CgroupTree.Find()).DirectoryOf(Path);

    /// <summary>The kernel's number of it.</summary>
    public ulong Id => Assert.IsType<ulong>(Cgroup.FindId(Directory));

    /// <summary>Makes one.</summary>
    public static LabCgroup Create()
    {
        string own = File.ReadLines("/proc/self/cgroup").Single(line => line.StartsWith("0::", StringComparison.Ordinal))[3..].TrimEnd('/');
        return new LabCgroup($"{own}/{NextName()}");
    }

    /// <summary>Makes one for processes of others: below the root, because below a cgroup with threaded ones no process may be.</summary>
    public static LabCgroup CreateForProcesses() => new($"/{NextName()}", isThreaded: false);

    /// <summary>Makes one below.</summary>
    /// <param name="name">Its name there.</param>
    public LabCgroup Child(string name) => new($"{Path}/{name}");

    /// <summary>Removes it and everything below; sockets that were made there live on.</summary>
    public void Dispose()
    {
        if (System.IO.Directory.Exists(Directory))
        {
            Remove(Directory);
        }
    }

    private static string NextName() => string.Create(CultureInfo.InvariantCulture, $"dpk-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");

    private static void Remove(string directory)
    {
        foreach (string child in System.IO.Directory.EnumerateDirectories(directory).ToList())
        {
            Remove(child);
        }

        // Busy until the last thread has ended, which the kernel does after the one that joined it goes on.
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                System.IO.Directory.Delete(directory);
                return;
            }
            catch (IOException) when (TimeProvider.System.GetElapsedTime(start) < Patience)
            {
                using var timer = new ManualResetEventSlim();
                timer.Wait(BetweenAttempts);
            }
        }
    }
}
