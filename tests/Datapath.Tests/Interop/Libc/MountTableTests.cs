using Datapath.Interop.Libc;
using Xunit;

namespace Datapath.Tests.Interop.Libc;

public sealed class MountTableTests
{
    [Theory]
    [InlineData("25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw", "bpf")]
    [InlineData("26 25 0:32 / /sys/fs/bpf rw - tmpfs none rw\n25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw", "tmpfs")]
    [InlineData("25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw\n26 23 0:32 / /sys/fs rw - tmpfs none rw", null)]
    [InlineData("25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw\n26 23 0:32 / /sys/f rw - tmpfs none rw", "bpf")]
    [InlineData("25 24 0:31 / /sys/fs/bpf rw - bpf bpf rw\n24 23 0:32 / /sys/fs rw - tmpfs none rw", "bpf")]
    public void A_mount_that_another_hides_is_not_there(string lines, string? type) => Assert.Equal(type, new MountTable(lines).TypeAt("/sys/fs/bpf"));

    [Fact]
    public void A_type_is_found_wherever_it_is_mounted()
    {
        var mounts = new MountTable("24 23 0:30 / /sys/fs/cgroup/unified rw shared:1 master:2 - cgroup2 none rw\n");
        Assert.Equal("/sys/fs/cgroup/unified", mounts.PlaceOf("cgroup2"));
        Assert.Null(mounts.PlaceOf("bpf"));
    }
}
