using System.Text.RegularExpressions;
using Datapath.Backends.Host;
using Datapath.Backends.Selection;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Tests.Architecture;
using Xunit;

namespace Datapath.Tests.Backends.Selection;

public sealed partial class RequirementTests
{
    /// <summary>What is taken from a host that has everything, and the rows that change.</summary>
    public static TheoryData<string, string> Damages => [.. Cases.Select(one => (one.Name, one.Rows))];

    private static (string Name, string Rows, Func<SystemFacts, SystemFacts> Damage)[] Cases { get; } =
    [
        ("an old kernel", "kernel missing", host => host with { KernelRelease = "5.9.16-amd64" }),
        ("the oldest kernel", "", host => host with { KernelRelease = "5.10.0" }),
        ("no libbpf", "libbpf missing; bpf-syscall could-not-tell; program-type-sched-cls could-not-tell; map-type-ringbuf could-not-tell; "
            + "program-type-cgroup-skb could-not-tell", host => host with { HasLibbpf = false, Bpf = Hosts.Untold("bpf(2)") }),
        ("bpf(2) is not there", "bpf-syscall missing; program-type-sched-cls could-not-tell; map-type-ringbuf could-not-tell; "
            + "program-type-cgroup-skb could-not-tell", host => host with { Bpf = Hosts.No("bpf(2)", Errno.NoSystemCall) }),
        ("bpf(2) is refused to who may", "bpf-syscall missing; program-type-sched-cls could-not-tell; map-type-ringbuf could-not-tell; "
            + "program-type-cgroup-skb could-not-tell", host => host with { Bpf = Hosts.Untold("bpf(2)", Errno.NotPermitted) }),
        ("bpf(2) is refused to who may not", "cap-bpf missing; cap-perfmon missing; cap-sys-admin missing; bpf-syscall could-not-tell; "
            + "program-type-sched-cls could-not-tell; map-type-ringbuf could-not-tell; program-type-cgroup-skb could-not-tell",
            host => Without(host, Capability.Bpf, Capability.Performance, Capability.SystemAdministration) with { Bpf = Hosts.Untold("bpf(2)", Errno.NotPermitted) }),
        ("no ring buffer", "map-type-ringbuf missing", host => host with { UsedFeatures = [Hosts.Yes("program type sched_cls"), Hosts.No("map type ringbuf")] }),
        ("no program for later", "program-type-cgroup-skb missing", host => host with { LaterFeatures = [Hosts.No("program type cgroup_skb")] }),
        ("no CAP_NET_ADMIN", "cap-net-admin missing", host => Without(host, Capability.NetworkAdministration)),
        ("CAP_BPF by CAP_SYS_ADMIN", "", host => Without(host, Capability.Bpf, Capability.Performance)),
        ("no CAP_SYS_ADMIN", "cap-sys-admin missing", host => Without(host, Capability.SystemAdministration)),
        ("no CAP_SYS_RESOURCE", "cap-sys-resource missing", host => Without(host, Capability.SystemResource)),
        ("no CAP_SYS_PTRACE", "cap-sys-ptrace missing", host => Without(host, Capability.Tracing)),
        ("no CAP_NET_RAW", "cap-net-raw missing", host => Without(host, Capability.RawSockets)),
        ("no CAP_SYS_MODULE", "cap-sys-module missing", host => Without(host, Capability.Modules)),
        ("a user namespace", "cap-bpf missing; cap-perfmon missing; cap-sys-admin missing", host => host with { IsInitialUserNamespace = false }),
        ("no tcx", "", host => host with { Tcx = Hosts.No("tcx") }),
        ("no tcx and no clsact", "tc-attach missing", host => host with { Tcx = Hosts.No("tcx"), Modules = Lacking(host, "sch_ingress") }),
        ("no tcx and no filters", "tc-attach missing", host => host with { Tcx = Hosts.No("tcx"), Modules = Lacking(host, "cls-bpf") }),
        ("bpffs not mounted yet", "", host => host with { Mounts = Hosts.Without("/sys/fs/bpf"), MountsOfFirstProcess = Hosts.Without("/sys/fs/bpf") }),
        ("bpffs of process 1 not seen", "shared-bpffs missing", host => host with { Mounts = Hosts.Without("/sys/fs/bpf") }),
        ("bpffs not mountable", "bpffs missing; shared-bpffs missing",
            host => host with { Mounts = Hosts.Without("/sys/fs/bpf"), MountableBpfFileSystem = Hosts.Untold("mountable", Errno.NotPermitted) }),
        ("bpffs without a place", "bpffs missing; shared-bpffs missing", host => host with { Mounts = Hosts.Without("/sys/fs/bpf"), HasBpfDirectory = false }),
        ("bpffs of a kernel that cannot be asked", "bpffs could-not-tell; shared-bpffs missing",
            host => host with { Mounts = Hosts.Without("/sys/fs/bpf"), MountableBpfFileSystem = Hosts.No("mountable", Errno.NoSystemCall) }),
        ("process 1 is hidden", "shared-bpffs could-not-tell", host => host with { MountsOfFirstProcess = null }),
        ("another bpffs than process 1", "shared-bpffs missing", host => host with { Mounts = new MountTable(
            "23 27 0:22 / /sys rw - sysfs sysfs rw\n24 23 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n25 23 0:99 / /sys/fs/bpf rw - bpf bpf rw\n") }),
        ("JIT off", "jit missing", host => host with { Jit = Hosts.No("JIT", errno: 0) }),
        ("JIT hidden", "jit could-not-tell", host => host with { Jit = Hosts.Untold("JIT") }),
        ("no ipset", "ipset missing", host => host with { Programs = host.Programs.Remove("ipset") }),
        ("no IPv6 program", "ip6tables-restore missing", host => host with { Programs = host.Programs.Remove("ip6tables-restore") }),
        ("no iptables to ask", "iptables-variant could-not-tell", host => host with { Programs = host.Programs.Remove("iptables") }),
        ("no xt_set", "xt-set missing", host => host with { Modules = Lacking(host, "xt_set") }),
        ("no nft_compat", "nft-compat missing", host => host with { Modules = Lacking(host, "nft_compat") }),
        ("legacy needs no nft_compat", "", host => host with { Modules = Lacking(host, "nft_compat"), Programs = Hosts.Tools("/usr/sbin/xtables-legacy-multi") }),
        ("no nf_tables, and the legacy variant is there", "",
            host => host with { Modules = Lacking(host, "nf_tables"), Programs = host.Programs.Add("iptables-legacy", "/usr/sbin/xtables-legacy-multi") }),
        ("no nf_tables, and nothing else", "nf-tables missing", host => host with { Modules = Lacking(host, "nf_tables") }),
        ("no tables of the legacy variant, and the other is there", "",
            host => host with { Modules = Lacking(host, "iptable_mangle"), Programs = Hosts.Tools("/usr/sbin/xtables-legacy-multi").Add("iptables-nft", "/usr/sbin/xtables-nft-multi") }),
        ("neither variant", "nf-tables missing",
            host => host with { Modules = Lacking(host with { Modules = Lacking(host, "nf_tables") }, "ip_tables"), Programs = host.Programs.Add("iptables-legacy", "/usr/sbin/xtables-legacy-multi") }),
        ("one processor", "processors missing", host => host with { Processors = 1 }),
        ("little memory", "memory missing", host => host with { MemoryBytes = 1 << 30 }),
        ("memory not told", "memory could-not-tell", host => host with { MemoryBytes = 0 }),
        ("no sysfs", "sysfs missing", host => host with { Mounts = Hosts.Without("/sys") }),
        ("no cgroup v2", "cgroup2 missing", host => host with { Mounts = Hosts.Without("/sys/fs/cgroup") }),
        ("a clock at its beginning", "clock missing", host => host with { Now = DateTimeOffset.UnixEpoch }),
        ("a clock that nobody sets", "ntp missing", host => host with { IsClockSynchronised = false }),
        ("a clock that does not say", "ntp could-not-tell", host => host with { IsClockSynchronised = null }),
        ("lockdown", "lockdown missing", host => host with { Lockdown = "none integrity [confidentiality]\n" }),
        ("mild lockdown", "", host => host with { Lockdown = "none [integrity] confidentiality\n" }),
        ("no securityfs", "lockdown could-not-tell", host => host with { Lockdown = null }),
        ("no BTF", "btf missing", host => host with { HasKernelTypes = false }),
    ];

    [Theory, MemberData(nameof(Damages))]
    public void What_is_taken_from_a_host_shows_in_its_rows_and_in_no_others(string name, string rows)
    {
        SystemFacts host = Cases.Single(one => one.Name == name).Damage(Hosts.Complete);
        var changed = Hosts.Judge(host).Where(one => one.Finding != Finding.Found).Select(one => $"{one.Id} {Word(one.Finding)}");
        Assert.Equal(rows, string.Join("; ", changed));
    }

    [Fact]
    public void A_host_that_has_everything_needs_no_mending_and_says_why_of_each()
    {
        var rows = Hosts.Judge(Hosts.Complete);
        Assert.All(rows, one => Assert.Equal((one.Id, Finding.Found, null), (one.Id, one.Finding, one.Remedy)));
        Assert.All(rows, one => Assert.NotEqual("", one.Evidence));
        Assert.Equal(rows.Length, rows.Select(one => one.Id).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void What_is_needed_and_missing_always_has_a_remedy() =>
        Assert.All(
            Cases.SelectMany(one => Hosts.Judge(one.Damage(Hosts.Complete)).Where(row => row is { Level: RequirementLevel.Needed, Finding: Finding.Missing })),
            row => Assert.False(string.IsNullOrEmpty(row.Remedy), row.Id)
        );

    [Theory]
    [InlineData("ID=debian", false, "boot a kernel that has xt_set")]
    [InlineData("ID=ubuntu", false, "apt-get install linux-modules-extra-6.1.0-18-amd64")]
    [InlineData("ID=fedora", false, "dnf install kernel-modules-extra-6.1.0-18-amd64")]
    [InlineData("ID=fedora", true, "name xt_set in /etc/modules-load.d, and boot")]
    public void A_module_is_had_as_the_distribution_does_it(string release, bool isClosed, string remedy)
    {
        ModuleFacts modules = isClosed ? Hosts.Complete.Modules with { IsClosed = true } : Lacking(Hosts.Complete, "xt_set");
        SystemFacts host = Hosts.Complete with { Packages = PackageAdvice.Parse(release), Modules = modules };
        Assert.Equal(remedy, Hosts.Judge(host).Single(one => one.Id == "xt-set").Remedy);
    }

    [Theory]
    [InlineData(true, "run it as root; in a container add BPF (--cap-add), in a systemd unit CAP_BPF (CapabilityBoundingSet=)")]
    [InlineData(false, "run it as root of the machine, outside of the user namespace")]
    public void A_capability_is_had_where_it_counts(bool isInitial, string remedy)
    {
        SystemFacts host = Without(Hosts.Complete, Capability.Bpf, Capability.SystemAdministration) with { IsInitialUserNamespace = isInitial };
        Assert.Equal(remedy, Hosts.Judge(host).Single(one => one.Id == "cap-bpf").Remedy);
    }

    [Theory]
    [InlineData("ID=debian", "apt-get install ipset")]
    [InlineData("ID=linuxmint\nID_LIKE=\"ubuntu debian\"", "apt-get install ipset")]
    [InlineData("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", "dnf install ipset")]
    [InlineData("ID=\"sles\"\nID_LIKE=\"suse\"", "zypper install ipset")]
    [InlineData("", "install the package ipset (ipset in Fedora and RHEL)")]
    public void A_package_is_installed_as_the_distribution_does_it(string release, string command)
    {
        SystemFacts host = Hosts.Complete with { Packages = PackageAdvice.Parse(release), Programs = Hosts.Complete.Programs.Remove("ipset") };
        Assert.Equal(command, Hosts.Judge(host).Single(one => one.Id == "ipset").Remedy);
    }

    [Fact]
    public void The_kinds_of_map_that_are_asked_for_are_those_of_the_programs()
    {
        var declared = MapType().Matches(string.Concat(Repository.Written("bpf/", ".c", ".h").Select(Repository.Read))).Select(match => match.Groups["type"].Value);
        var asked = SystemFactsReader.UsedMaps.Select(type => ((bpf_map_type)type).ToString()["BPF_MAP_TYPE_".Length..]);
        Assert.Equal(declared.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), asked.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_helpers_that_are_asked_for_are_those_that_the_programs_call()
    {
        string source = string.Concat(Repository.Written("bpf/", ".c", ".h").Select(Repository.Read));
        var called = Call().Matches(source).Select(match => match.Groups["name"].Value).Where(name => Enum.IsDefined(typeof(bpf_func_id), $"BPF_FUNC_{name}"));
        var asked = Enum.GetValues<BpfHelper>().Select(helper => ((bpf_func_id)helper).ToString()["BPF_FUNC_".Length..]);
        Assert.Equal(called.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), asked.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Helpers_and_program_types_have_the_numbers_of_their_names()
    {
        Assert.All(
            Enum.GetValues<BpfHelper>(),
            helper => Assert.Equal($"BPF_FUNC_{helper}".Replace("_", "", StringComparison.Ordinal), ((bpf_func_id)helper).ToString().Replace("_", "", StringComparison.Ordinal), ignoreCase: true)
        );
        Assert.Equal(
            ["BPF_PROG_TYPE_SCHED_CLS", "BPF_PROG_TYPE_XDP", "BPF_PROG_TYPE_CGROUP_SKB", "BPF_PROG_TYPE_CGROUP_SOCK_ADDR", "BPF_PROG_TYPE_EXT"],
            Enum.GetValues<BpfProgramType>().Select(type => ((bpf_prog_type)type).ToString())
        );
    }

    private static SystemFacts Without(SystemFacts host, params Capability[] capabilities) => host with { Capabilities = host.Capabilities.Except(capabilities) };

    private static ModuleFacts Lacking(SystemFacts host, string module) =>
        host.Modules with { Loadable = string.Join('\n', host.Modules.Loadable!.Split('\n').Where(line => !line.Contains($"/{module}.ko", StringComparison.Ordinal))) };

    private static string Word(Finding finding) => finding == Finding.Missing ? "missing" : "could-not-tell";

    [GeneratedRegex(@"__uint\(type, BPF_MAP_TYPE_(?<type>\w+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex MapType();

    [GeneratedRegex(@"\bbpf_(?<name>\w+)\(", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Call();
}
