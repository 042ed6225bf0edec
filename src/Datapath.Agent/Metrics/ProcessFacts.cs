using System.Globalization;

namespace Datapath.Agent.Metrics;

/// <summary>What the kernel says of this process.</summary>
internal static class ProcessFacts
{
    private const string Self = "/proc/self/";

    /// <summary>Processor time, of all threads, in seconds.</summary>
    public static double CpuSeconds => Environment.CpuUsage.TotalTime.TotalSeconds;

    /// <summary>Resident memory in bytes.</summary>
    public static long ResidentBytes => Environment.WorkingSet;

    /// <summary>Virtual memory in bytes; proc(5), the first field of statm.</summary>
    public static long VirtualBytes => long.Parse(File.ReadAllText(Self + "statm").Split(' ')[0], CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    /// <summary>Open file descriptors, that of the look included.</summary>
    public static long OpenFiles => Directory.EnumerateFileSystemEntries(Self + "fd").LongCount();

    /// <summary>File descriptors that may be open; the soft limit.</summary>
    public static long MaxFiles
    {
        get
        {
            string line = File.ReadLines(Self + "limits").First(text => text.StartsWith("Max open files", StringComparison.Ordinal));
            string soft = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
            return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long limit) ? limit : long.MaxValue;
        }
    }
}
