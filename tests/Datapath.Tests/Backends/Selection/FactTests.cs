using Datapath.Backends.Host;
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
        Assert.Equal((finding, evidence), facts.Judge("xt_set", "NETFILTER_XT_SET"));
    }

    [Theory]
    [InlineData("MemTotal:       24682284 kB\nMemFree: 1 kB\n", 24682284L * 1024)]
    [InlineData("MemFree: 1 kB\n", 0)]
    [InlineData("", 0)]
    public void Memory_is_the_first_line(string text, long bytes) => Assert.Equal(bytes, SystemFactsReader.ReadMemory(text));
}
