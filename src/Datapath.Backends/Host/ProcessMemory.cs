using Datapath.Interop.Libc;

namespace Datapath.Backends.Host;

/// <summary>What this process has in memory.</summary>
public static class ProcessMemory
{
    /// <summary>Lets go of unchanged pages of files, such as code that only a start needed; they come back from the page cache when they are touched.</summary>
    /// <returns>How many bytes of mappings were let go of.</returns>
    public static long ReleaseFiles() => ResidentPages.Release();
}
