using Datapath.Backends.Selection;
using Xunit;

namespace Datapath.Tests.Backends.Selection;

public sealed class FactTests
{
    [Theory]
    [InlineData("among /sys/module", Finding.Found, "in the kernel")]
    [InlineData("loaded", Finding.Found, "in the kernel")]
    [InlineData("built in", Finding.Found, "built into the kernel")]
    [InlineData("configured in", Finding.Found, "built into the kernel")]
    [InlineData("loadable", Finding.Found, "not loaded yet; loaded when it is used")]
    [InlineData("loadable, but closed", Finding.Missing, "not loaded, and the kernel takes no more modules (kernel.modules_disabled is 1)")]
    [InlineData("not among the modules", Finding.Missing, "neither in the kernel nor among its modules")]
    [InlineData("configured as a module", Finding.CouldNotTell, "the kernel was built with it as a module, and its modules are not to be seen")]
    [InlineData("configured out", Finding.Missing, "the kernel was built without it")]
    [InlineData("nothing to read", Finding.CouldNotTell, "neither the kernel's modules nor its configuration are to be seen")]
    public void A_part_of_the_kernel_is_found_where_files_tell_of_it(string where, Finding finding, string evidence)
    {
        ModuleFacts facts = where switch
        {
            "among /sys/module" => new ModuleFacts { Present = ["xt_set"] },
            "loaded" => new ModuleFacts { Loaded = "x_tables 61440 9 - Live\nxt_set 20480 0 - Live\n" },
            "built in" => new ModuleFacts { BuiltIn = "kernel/net/netfilter/xt_set.ko\n", Loadable = "" },
            "configured in" => new ModuleFacts { Configuration = "# x\nCONFIG_NETFILTER_XT_SET=y\n" },
            "loadable" => new ModuleFacts { Loadable = "kernel/net/netfilter/xt_set.ko.zst: kernel/x.ko\n" },
            "loadable, but closed" => new ModuleFacts { Loadable = "kernel/net/netfilter/xt_set.ko: \n", IsClosed = true },
            "not among the modules" => new ModuleFacts { Loadable = "kernel/net/netfilter/xt_settle.ko:\n", Loaded = "xt_settle 1 0\n" },
            "configured as a module" => new ModuleFacts { Configuration = "CONFIG_NETFILTER_XT_SET=m\n" },
            "configured out" => new ModuleFacts { Configuration = "# CONFIG_NETFILTER_XT_SET is not set\nCONFIG_NETFILTER_XT_SETTLE=y\n" },
            _ => new ModuleFacts(),
        };
        Assert.Equal((finding, evidence), facts.Find("xt_set", "NETFILTER_XT_SET"));
    }

    [Fact]
    public void Mounts_are_read_with_any_number_of_optional_fields()
    {
        MountTable mounts = MountTable.Parse(
            "25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw\n26 25 0:32 / /sys/fs/bpf rw shared:1 master:2 - tmpfs none rw\nbroken line\n27 23 0:33 / /x rw -\n"
        );
        Assert.Equal(["0:31 bpf", "0:32 tmpfs"], mounts.Mounts.Select(mount => $"{mount.Device} {mount.Type}"));
        Assert.Null(mounts.At("/x"));
        Assert.Equal("0:31", mounts.OfType("bpf")?.Device);
    }

    [Theory]
    [InlineData("25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw", "bpf")]
    [InlineData("26 25 0:32 / /sys/fs/bpf rw - tmpfs none rw\n25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw", "tmpfs")]
    [InlineData("25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw\n26 23 0:32 / /sys/fs rw - tmpfs none rw", null)]
    [InlineData("25 23 0:31 / /sys/fs/bpf rw - bpf bpf rw\n26 23 0:32 / /sys/f rw - tmpfs none rw", "bpf")]
    [InlineData("25 24 0:31 / /sys/fs/bpf rw - bpf bpf rw\n24 23 0:32 / /sys/fs rw - tmpfs none rw", "bpf")]
    public void A_mount_that_another_hides_is_not_there(string lines, string? type) => Assert.Equal(type, MountTable.Parse(lines).At("/sys/fs/bpf")?.Type);

    [Theory]
    [InlineData("MemTotal:       24682284 kB\nMemFree: 1 kB\n", 24682284L * 1024)]
    [InlineData("MemFree: 1 kB\n", 0)]
    [InlineData("", 0)]
    public void Memory_is_the_first_line(string text, long bytes) => Assert.Equal(bytes, SystemFactsReader.ReadMemory(text));
}
