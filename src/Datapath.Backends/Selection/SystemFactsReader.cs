using System.Collections.Immutable;
using System.Globalization;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Selection;

/// <summary>Looks at this host. Loads no module, starts no program, attaches and mounts nothing; what bpf(2) makes for a try is gone at once.</summary>
internal static class SystemFactsReader
{
    // Services and shells of ordinary users do not have these in their PATH.
    private static readonly string[] SystemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    /// <summary>The kinds of map in bpf/maps.h; a test compares.</summary>
    internal static ImmutableArray<BpfMapType> UsedMaps { get; } =
        [BpfMapType.Array, BpfMapType.Hash, BpfMapType.LruHash, BpfMapType.LongestPrefixTrie, BpfMapType.PerCpuArray, BpfMapType.Stack, BpfMapType.RingBuffer];

    /// <summary>Looks.</summary>
    /// <param name="clock">The time.</param>
    public static SystemFacts Read(TimeProvider clock)
    {
        string release = HostFiles.ReadText("/proc/sys/kernel/osrelease")?.Trim() ?? "";
        return new SystemFacts
        {
            KernelRelease = release,
            Capabilities = [.. Enum.GetValues<Capability>().Where(Has)],
            // One line that maps everything to itself: a namespace of one's own maps less (user_namespaces(7)).
            IsInitialUserNamespace = Words(HostFiles.ReadText("/proc/self/uid_map")) is ["0", "0", "4294967295"],
            HasLibbpf = KernelFeatures.HasLibbpf,
            Bpf = KernelFeatures.Bpf(),
            UsedFeatures =
            [
                KernelFeatures.Program(BpfProgramType.TrafficClassifier),
                .. UsedMaps.Select(KernelFeatures.Map),
                KernelFeatures.MappableArray(),
                .. Enum.GetValues<BpfHelper>().Where(helper => KernelFeatures.CallerOf(helper) == BpfProgramType.TrafficClassifier).Select(KernelFeatures.Helper),
            ],
            LaterFeatures =
            [
                KernelFeatures.Program(BpfProgramType.CgroupPacket),
                KernelFeatures.Program(BpfProgramType.CgroupSocketAddress),
                KernelFeatures.Program(BpfProgramType.Xdp),
                .. Enum.GetValues<BpfHelper>().Where(helper => KernelFeatures.CallerOf(helper) != BpfProgramType.TrafficClassifier).Select(KernelFeatures.Helper),
            ],
            Tcx = KernelFeatures.Tcx(),
            MountableBpfFileSystem = KernelFeatures.MountableFileSystem(),
            HasBpfDirectory = Directory.Exists(EbpfRequirements.BpfDirectory),
            Jit = KernelFeatures.Jit(),
            Mounts = new MountTable(HostFiles.ReadText("/proc/self/mountinfo") ?? ""),
            MountsOfFirstProcess = HostFiles.ReadText("/proc/1/mountinfo") is { } mounts ? new MountTable(mounts) : null,
            Lockdown = HostFiles.ReadText("/sys/kernel/security/lockdown"),
            HasKernelTypes = File.Exists("/sys/kernel/btf/vmlinux"),
            Modules = ModuleFacts.Read(release),
            Programs = IptablesRequirements
                .Programs.Select(name => (Name: name, Path: Find(name)))
                .Where(one => one.Path is not null)
                .ToImmutableDictionary(one => one.Name, one => ResolveLinks(one.Path!), StringComparer.Ordinal),
            LegacyTables = [.. Words(HostFiles.ReadText("/proc/net/ip_tables_names")), .. Words(HostFiles.ReadText("/proc/net/ip6_tables_names")).Select(name => $"{name}(6)")],
            Now = clock.GetUtcNow(),
            IsClockSynchronised = IsClockSynchronised(),
            Processors = Environment.ProcessorCount,
            MemoryBytes = ReadMemory(HostFiles.ReadText("/proc/meminfo") ?? ""),
            Packages = PackageAdvice.OfHost(),
        };
    }

    /// <summary>The words of a text; none of none.</summary>
    internal static string[] Words(string? text) => (text ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Where a program is, as it is called; null when it is not there.</summary>
    internal static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(SystemDirectories)
            .Select(place => Path.Combine(place, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Bytes of the first line of /proc/meminfo, which is in kB; 0 when it is not what it should be.</summary>
    internal static long ReadMemory(string text) =>
        Words(text) is ["MemTotal:", var kilobytes, "kB", ..] && long.TryParse(kilobytes, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number << 10
            : 0;

    private static string ResolveLinks(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (IOException)
        {
            // Too many links, or it went away meanwhile.
            return path;
        }
    }

    private static bool Has(Capability capability)
    {
        try
        {
            return Credentials.Has(capability);
        }
        catch (KernelException)
        {
            // A filter that hides even this will not let us do the rest.
            return false;
        }
    }

    private static bool? IsClockSynchronised()
    {
        try
        {
            return KernelClock.IsSynchronised();
        }
        catch (KernelException)
        {
            return null;
        }
    }
}
