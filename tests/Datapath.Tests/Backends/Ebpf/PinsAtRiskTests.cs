using Datapath.Backends.Ebpf;
using Datapath.Interop.Libc;
using Xunit;

namespace Datapath.Tests.Backends.Ebpf;

public sealed class PinsAtRiskTests
{
    private const string Root = "/sys/fs/bpf";

    private static readonly MountTable Init = new(
        """
        22 1 0:20 / /sys rw,nosuid - sysfs sysfs rw
        30 22 0:29 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700
        """
    );

    [Fact]
    public void A_file_system_that_process_1_has_too_is_safe_wherever_it_is_mounted()
    {
        var own = new MountTable("40 1 0:29 / /sys/fs/bpf rw master:9 - bpf none rw\n");
        Assert.Empty(PinsAtRisk.Warnings(Root, own, Init));
        Assert.Empty(PinsAtRisk.Warnings("/other place", new MountTable("40 1 0:29 / /other\\040place rw - bpf none rw"), Init));
    }

    [Fact]
    public void A_file_system_that_process_1_does_not_have_goes_with_the_agent()
    {
        // As under `ip netns exec`: a new sysfs covers the old one, and the agent mounts a bpf file system of its own there.
        var own = new MountTable(
            """
            30 22 0:29 / /sys/fs/bpf rw,nosuid - bpf bpf rw
            51 22 0:61 / /sys rw - sysfs lab rw
            52 51 0:62 / /sys/fs/bpf rw - bpf bpf rw,mode=700
            """
        );
        string warning = Assert.Single(PinsAtRisk.Warnings(Root, own, Init));
        Assert.Contains("nsenter --net", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_that_are_no_mounts_are_survived()
    {
        var broken = new MountTable("30 22 0:29 / /sys/fs/bpf rw\n\n- - - - - - -\n1 2 3 4 5 6 -");
        Assert.Null(broken.DeviceAt(Root, "bpf"));
        Assert.Empty(PinsAtRisk.Warnings(Root, broken, Init));
    }

    [Fact]
    public void The_mounts_of_this_process_are_read()
    {
        Assert.NotNull(MountTable.Of("self").DeviceAt("/proc", "proc"));
        Assert.Throws<DirectoryNotFoundException>(() => MountTable.Of("0"));
    }
}
