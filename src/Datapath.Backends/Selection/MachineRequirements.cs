namespace Datapath.Backends.Selection;

/// <summary>What every backend is better off with, and what explains a refusal.</summary>
internal static class MachineRequirements
{
    // The system requirements of the product: 2 vCPU and 2 GB, of which firmware and kernel keep some.
    private const int Processors = 2;
    private const long MemoryBytes = 1_800_000_000;

    // No host that runs this was set up before; a clock that says so started at zero.
    private static readonly DateTimeOffset Earliest = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Judges them.</summary>
    /// <param name="facts">What was looked at.</param>
    public static IEnumerable<Requirement> Of(SystemFacts facts)
    {
        yield return Useful("processors", $"{Processors} processors", facts.Processors >= Processors, $"this process may use {facts.Processors}", null);
        yield return facts.MemoryBytes == 0
            ? Useful("memory", "2 GB of memory", has: false, "/proc/meminfo does not say", null) with { Finding = Finding.CouldNotTell }
            : Useful("memory", "2 GB of memory", facts.MemoryBytes >= MemoryBytes, $"{facts.MemoryBytes >> 20} MiB", null);
        yield return Useful("sysfs", "/sys", facts.Mounts.TypeAt("/sys") == "sysfs", Mounted(facts, "/sys"), "mount -t sysfs sysfs /sys");
        yield return ControlGroups(facts);
        yield return Useful(
            "clock",
            "sane clock",
            facts.Now >= Earliest,
            $"it says {facts.Now.UtcDateTime:yyyy-MM-dd} (UTC)",
            "timedatectl set-time, or hwclock --hctosys"
        );
        yield return Synchronised(facts);
        yield return MountNamespace(facts);
        yield return Lockdown(facts);
        yield return new Requirement(
            "btf",
            "types of the kernel (BTF)",
            RequirementScope.Ebpf,
            RequirementLevel.Information,
            facts.HasKernelTypes ? Finding.Found : Finding.Missing,
            "/sys/kernel/btf/vmlinux; the programs do not need them",
            Since: "5.4"
        );
    }

    private static Requirement Useful(string id, string name, bool has, string evidence, string? remedy) =>
        new(
            id,
            name,
            RequirementScope.Both,
            RequirementLevel.Useful,
            has ? Finding.Found : Finding.Missing,
            evidence,
            Remedy: has ? null : remedy
        );

    private static string Mounted(SystemFacts facts, string place) =>
        facts.Mounts.TypeAt(place) is { } type ? $"{type} is mounted on {place}" : $"nothing is mounted on {place}";

    private static Requirement ControlGroups(SystemFacts facts)
    {
        string? place = facts.Mounts.PlaceOf("cgroup2");
        return Useful(
            "cgroup2",
            "cgroup v2",
            place is not null,
            place is null ? "not mounted: services and containers cannot be units of their own" : $"mounted on {place}",
            "mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1"
        ) with
        {
            Since = "4.5",
        };
    }

    private static Requirement Synchronised(SystemFacts facts)
    {
        Requirement row = Useful(
            "ntp",
            "synchronised clock",
            facts.IsClockSynchronised == true,
            facts.IsClockSynchronised == true ? "the kernel says so (adjtimex)" : "the kernel says that nobody sets it (adjtimex)",
            "timedatectl set-ntp true, or install chrony"
        );
        return facts.IsClockSynchronised is null ? row with { Finding = Finding.CouldNotTell, Evidence = "the kernel refused to say (adjtimex)", Remedy = null } : row;
    }

    // Pins in a bpf file system that only this mount namespace sees go with its last process, and enforcement with them.
    private static Requirement MountNamespace(SystemFacts facts)
    {
        Requirement row = new(
            "shared-bpffs",
            "bpf file system of the machine",
            RequirementScope.Ebpf,
            RequirementLevel.Useful,
            Finding.Found,
            "process 1 sees the same one"
        );
        if (facts.MountsOfFirstProcess is not { } first)
        {
            return row with { Finding = Finding.CouldNotTell, Evidence = "the mounts of process 1 are hidden" };
        }

        string? own = facts.Mounts.DeviceAt(EbpfRequirements.BpfDirectory, EbpfRequirements.BpfType);
        bool isMountedForAll = first.DeviceAt(EbpfRequirements.BpfDirectory, EbpfRequirements.BpfType) is not null;
        return (own, isMountedForAll) switch
        {
            (null, false) => row with { Evidence = "none is mounted yet" },
            ({ } device, _) when first.Has(device) => row,
            _ => row with
            {
                Finding = Finding.Missing,
                Evidence = "this process does not see the one of process 1: pins made here go with this mount namespace",
                Remedy = "start it with nsenter --net instead of ip netns exec; in a container mount /sys/fs/bpf of the host",
            },
        };
    }

    private static Requirement Lockdown(SystemFacts facts)
    {
        // "none [integrity] confidentiality": the one in brackets holds.
        string text = facts.Lockdown ?? "";
        int open = text.IndexOf('[', StringComparison.Ordinal);
        int close = text.IndexOf(']', StringComparison.Ordinal);
        string? mode = open >= 0 && close > open ? text[(open + 1)..close] : null;
        return new Requirement(
            "lockdown",
            "no lockdown",
            RequirementScope.Ebpf,
            RequirementLevel.Information,
            mode switch
            {
                null => Finding.CouldNotTell,
                "confidentiality" => Finding.Missing,
                _ => Finding.Found,
            },
            mode switch
            {
                null => "/sys/kernel/security/lockdown is not there: either no lockdown, or securityfs is not mounted",
                "confidentiality" => "lockdown is confidentiality: kernels of some distributions refuse bpf(2) then",
                _ => $"lockdown is {mode}, which does not concern us",
            },
            Since: "5.4"
        );
    }
}
