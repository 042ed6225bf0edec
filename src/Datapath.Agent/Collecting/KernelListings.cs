namespace Datapath.Agent.Collecting;

/// <summary>The programs of the host that say what is in its kernel, and the files that do.</summary>
internal static class KernelListings
{
    /// <summary>Each with its arguments; what it says is named after them.</summary>
    public static IReadOnlyList<string[]> Commands { get; } =
        [
            ["uname", "-a"],
            ["ip", "-d", "-s", "link", "show"],
            ["ip", "address", "show"],
            ["ip", "rule", "show"],
            ["ip", "route", "show", "table", "all"],
            ["ip", "-6", "route", "show", "table", "all"],
            ["ip", "neighbour", "show"],
            ["tc", "-s", "qdisc", "show"],
            ["bpftool", "net", "show"],
            ["bpftool", "prog", "show"],
            ["bpftool", "map", "show"],
            ["bpftool", "link", "show"],
            ["iptables-save", "-c"],
            ["ip6tables-save", "-c"],
            ["iptables-legacy-save", "-c"],
            ["ip6tables-legacy-save", "-c"],
            ["nft", "list", "ruleset"],
            ["ipset", "list", "-terse"],
            ["conntrack", "-S"],
            ["ss", "-s"],
            ["lsmod"],
        ];

    /// <summary>Files of the kernel's own.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [
            "/proc/version",
            "/proc/cmdline",
            "/proc/meminfo",
            "/proc/mounts",
            "/proc/net/nf_conntrack_expect",
            "/proc/net/softnet_stat",
            "/proc/net/snmp",
            "/proc/net/netstat",
            "/proc/sys/net/core/bpf_jit_enable",
            "/proc/sys/net/netfilter/nf_conntrack_count",
            "/proc/sys/net/netfilter/nf_conntrack_max",
            "/proc/sys/kernel/unprivileged_bpf_disabled",
            "/etc/os-release",
        ];

    /// <summary>The arguments that show the filters at an interface.</summary>
    /// <param name="interfaceName">Its name.</param>
    /// <param name="direction"><c>ingress</c> or <c>egress</c>.</param>
    public static string[] Filters(string interfaceName, string direction) => ["tc", "-s", "filter", "show", "dev", interfaceName, direction];
}
