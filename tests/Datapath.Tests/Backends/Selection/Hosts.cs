using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Backends.Selection;
using Datapath.Interop;
using Datapath.Interop.Libc;

namespace Datapath.Tests.Backends.Selection;

/// <summary>Hosts as tests want them: one that has everything, and what to take away from it.</summary>
internal static class Hosts
{
    private const string Mounts = """
        22 27 0:21 / /proc rw,relatime - proc proc rw
        23 27 0:22 / /sys rw,relatime shared:7 - sysfs sysfs rw
        24 23 0:30 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw
        25 23 0:31 / /sys/fs/bpf rw,relatime shared:10 - bpf bpf rw,mode=700
        """;

    private static readonly string Modules = string.Concat(
        IptablesModules("kernel/net/netfilter/").Concat(["kernel/net/sched/sch_ingress.ko.xz:\n", "kernel/net/sched/cls-bpf.ko:\n"])
    );

    /// <summary>A Debian of today with everything.</summary>
    public static SystemFacts Complete { get; } =
        new()
        {
            KernelRelease = "6.1.0-18-amd64",
            Capabilities = [.. Enum.GetValues<Capability>()],
            IsInitialUserNamespace = true,
            HasLibbpf = true,
            Bpf = Yes("bpf(2)"),
            UsedFeatures = [Yes("program type sched_cls"), Yes("map type ringbuf")],
            LaterFeatures = [Yes("program type cgroup_skb")],
            Tcx = Yes("tcx"),
            MountableBpfFileSystem = Yes("mountable bpf file system"),
            HasBpfDirectory = true,
            Jit = Yes("JIT"),
            Mounts = new MountTable(Mounts),
            MountsOfFirstProcess = new MountTable(Mounts),
            Lockdown = "[none] integrity confidentiality\n",
            HasKernelTypes = true,
            Modules = new ModuleFacts { Loadable = Modules, BuiltIn = "" },
            Programs = Tools("/usr/sbin/xtables-nft-multi"),
            LegacyTables = [],
            Now = new DateTimeOffset(2026, 5, 1, 0, 0, 0, TimeSpan.Zero),
            IsClockSynchronised = true,
            Processors = 4,
            MemoryBytes = 8L << 30,
            Packages = PackageAdvice.Parse("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n"),
        };

    public static KernelFeature Yes(string name) => new(name, FeatureAnswer.Yes, "it works", new KernelVersion(5, 8, 0));

    public static KernelFeature No(string name, int errno = Errno.Invalid) => new(name, FeatureAnswer.No, "it was refused", new KernelVersion(5, 8, 0), errno);

    public static KernelFeature Untold(string name, int errno = 0) => new(name, FeatureAnswer.CouldNotTell, "it was refused", new KernelVersion(5, 8, 0), errno);

    /// <summary>Mounts without the one on a place.</summary>
    public static MountTable Without(string place) =>
        new(string.Join('\n', Mounts.Split('\n').Where(line => !line.Contains($" {place} ", StringComparison.Ordinal))));

    public static ImmutableDictionary<string, string> Tools(string variant) =>
        IptablesRequirements
            .Programs.Where(name => name is not ("iptables-nft" or "iptables-legacy"))
            .ToImmutableDictionary(name => name, name => name == "ipset" ? "/usr/sbin/ipset" : variant, StringComparer.Ordinal);

    public static ImmutableArray<Requirement> Judge(SystemFacts facts) => new HostSurvey(facts).Requirements;

    private static IEnumerable<string> IptablesModules(string directory) =>
        from name in (string[])
            [
                "ip_set", "ip_set_hash_net", "nf_conntrack", "nf_conntrack_netlink", "nfnetlink_log", "xt_set", "xt_tcpudp", "xt_NFLOG", "xt_addrtype", "xt_comment",
                "xt_connmark", "xt_conntrack", "xt_hl", "xt_limit", "xt_mark", "xt_multiport", "nf_tables", "nft_compat", "br_netfilter", "xt_cgroup",
                "ip_tables", "iptable_mangle", "ip6_tables", "ip6table_mangle",
            ]
        select $"{directory}{name}.ko: {directory}x_tables.ko\n";
}
