using Datapath.Interop;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Selection;

/// <summary>What the eBPF backend needs of a kernel and its mounts.</summary>
internal static class EbpfRequirements
{
    /// <summary>The oldest kernel that the programs are made for.</summary>
    public static readonly KernelVersion OldestKernel = new(5, 10, 0);

    /// <summary>Where the bpf file system belongs.</summary>
    public const string BpfDirectory = Ebpf.EbpfOptions.DefaultBpfFileSystem;

    /// <summary>The type of that file system.</summary>
    public const string BpfType = "bpf";

    /// <summary>Judges them, in the order in which one stands on the other.</summary>
    /// <param name="facts">What was looked at.</param>
    public static IEnumerable<Requirement> Of(SystemFacts facts)
    {
        yield return Kernel(facts);
        yield return Library(facts);
        Requirement call = SystemCall(facts);
        yield return call;
        foreach (KernelFeature feature in facts.UsedFeatures)
        {
            yield return Feature(feature, RequirementLevel.Needed, call);
        }

        yield return Attaching(facts, call);
        yield return FileSystem(facts);
        yield return Jit(facts);
        foreach (KernelFeature feature in facts.LaterFeatures)
        {
            yield return Feature(feature, RequirementLevel.Information, call);
        }
    }

    private static Requirement Kernel(SystemFacts facts)
    {
        bool isNewEnough = KernelVersion.Parse(facts.KernelRelease) >= OldestKernel;
        return Row("kernel", $"kernel {Short(OldestKernel)}", isNewEnough ? Finding.Found : Finding.Missing, $"this is {facts.KernelRelease}") with
        {
            Since = Short(OldestKernel),
            Remedy = isNewEnough ? null : $"install a kernel of {Short(OldestKernel)} or newer and boot it",
        };
    }

    private static Requirement Library(SystemFacts facts) =>
        Row("libbpf", "libbpf", facts.HasLibbpf ? Finding.Found : Finding.Missing, facts.HasLibbpf ? "libbpf.so.1 is installed" : "there is no libbpf.so.1") with
        {
            Remedy = facts.HasLibbpf ? null : facts.Packages.Install("libbpf1", "libbpf"),
        };

    private static Requirement SystemCall(SystemFacts facts)
    {
        KernelFeature bpf = facts.Bpf;
        Requirement row = Row("bpf-syscall", "bpf(2)", Finding.Found, bpf.Reason) with { Since = Short(bpf.FirstVersion) };
        if (bpf.Answer == FeatureAnswer.Yes)
        {
            return row;
        }

        bool isRefusal = bpf.RefusalNumber is Errno.NotPermitted or Errno.AccessDenied;
        return bpf.RefusalNumber switch
        {
            Errno.NoSystemCall => row with
            {
                Finding = Finding.Missing,
                Remedy = "use a kernel with CONFIG_BPF_SYSCALL; in a container, a seccomp profile that lets bpf(2) through",
            },
            // Whoever may not ask learns that from the row of the capability; the kernel may be perfectly able.
            _ when isRefusal && !PrivilegeRequirements.MayUse(facts, Capability.Bpf) => row with { Finding = Finding.CouldNotTell },
            _ when isRefusal => row with
            {
                Finding = Finding.Missing,
                Evidence = $"{bpf.Reason}, although this process has the capability: a seccomp filter, a security module or lockdown is in the way",
                Remedy = "let bpf(2) through: in a container a seccomp profile that does (--security-opt seccomp=…), else see lockdown below",
            },
            _ => row with { Finding = bpf.Answer == FeatureAnswer.No ? Finding.Missing : Finding.CouldNotTell },
        };
    }

    private static Requirement Feature(KernelFeature feature, RequirementLevel level, Requirement call)
    {
        // Where bpf(2) is refused altogether, every no about a part of it says only that.
        Finding finding = call.Finding == Finding.Found ? FindingOf(feature.Answer) : Finding.CouldNotTell;
        return Row(
            feature.Name.Replace(' ', '-').Replace('_', '-').ToLowerInvariant(),
            feature.Name,
            finding,
            call.Finding == Finding.Found ? feature.Reason : "needs bpf(2)"
        ) with
        {
            Level = level,
            Since = Short(feature.FirstVersion),
            Remedy = finding == Finding.Missing && level == RequirementLevel.Needed
                ? $"install a kernel of {Short(OldestKernel)} or newer and boot it; it may also lack an option of its configuration"
                : null,
        };
    }

    private static Requirement Attaching(SystemFacts facts, Requirement call)
    {
        Requirement row = Row("tc-attach", "attaching at tc", Finding.Found, "by links (tcx)") with { Since = "4.5, links 6.6" };
        if (call.Finding == Finding.Found && facts.Tcx.Answer == FeatureAnswer.Yes)
        {
            return row;
        }

        (Finding qdisc, string qdiscEvidence) = facts.Modules.Judge("sch_ingress", "NET_SCH_INGRESS");
        (Finding filter, string filterEvidence) = facts.Modules.Judge("cls_bpf", "NET_CLS_BPF");
        Finding worse = qdisc == Finding.Missing || filter == Finding.Missing ? Finding.Missing
            : qdisc == Finding.CouldNotTell || filter == Finding.CouldNotTell ? Finding.CouldNotTell
            : Finding.Found;
        return row with
        {
            Finding = worse,
            Evidence = $"no links (tcx); clsact: sch_ingress {qdiscEvidence}, cls_bpf {filterEvidence}",
            Remedy = worse == Finding.Found ? null : "modprobe -a sch_ingress cls_bpf",
        };
    }

    private static Requirement FileSystem(SystemFacts facts)
    {
        Requirement row = Row("bpffs", "bpf file system", Finding.Found, $"mounted on {BpfDirectory}") with { Since = "4.4" };
        if (facts.Mounts.TypeAt(BpfDirectory) == BpfType)
        {
            return row;
        }

        KernelFeature mountable = facts.MountableBpfFileSystem;
        return (facts.HasBpfDirectory, mountable.Answer) switch
        {
            (false, _) => row with
            {
                Finding = Finding.Missing,
                Evidence = $"not mounted, and there is no directory {BpfDirectory} to mount it on",
                Remedy = "mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf",
            },
            (_, FeatureAnswer.Yes) => row with { Evidence = "not mounted yet; the agent mounts it" },
            (_, FeatureAnswer.No) when mountable.RefusalNumber == Errno.NoSystemCall => row with
            {
                Finding = Finding.CouldNotTell,
                Evidence = $"not mounted, and this kernel cannot be asked whether it could be: {mountable.Reason}",
                Remedy = "mount -t bpf bpf /sys/fs/bpf",
            },
            _ => row with
            {
                Finding = Finding.Missing,
                Evidence = $"not mounted, and cannot be by this process: {mountable.Reason}",
                Remedy = "mount -t bpf bpf /sys/fs/bpf, as root of the machine",
            },
        };
    }

    private static Requirement Jit(SystemFacts facts)
    {
        Finding finding = FindingOf(facts.Jit.Answer);
        return Row("jit", "JIT", finding, facts.Jit.Reason) with
        {
            Level = RequirementLevel.Useful,
            Remedy = finding == Finding.Missing ? "sysctl -w net.core.bpf_jit_enable=1" : null,
        };
    }

    private static Requirement Row(string id, string name, Finding finding, string evidence) =>
        new(id, name, RequirementScope.Ebpf, RequirementLevel.Needed, finding, evidence);

    private static Finding FindingOf(FeatureAnswer answer) =>
        answer switch
        {
            FeatureAnswer.Yes => Finding.Found,
            FeatureAnswer.No => Finding.Missing,
            _ => Finding.CouldNotTell,
        };

    private static string Short(KernelVersion version) => $"{version.Major}.{version.Minor}";
}
