using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Selection;

/// <summary>An agent whose backend lacks a program ends before it touches anything, and names the package of the distribution.</summary>
public sealed class MissingProgramTests
{
    [KernelTheory]
    [InlineData("ipset", "ID=debian", "apt-get install ipset")]
    [InlineData("ipset", "ID=rhel", "dnf install ipset")]
    [InlineData("iptables-restore", "ID=debian", "apt-get install iptables")]
    [InlineData("ip6tables-restore", "ID=rocky\nID_LIKE=\"rhel centos fedora\"", "dnf install iptables-nft")]
    public async Task A_program_that_iptables_needs_is_named_with_its_package(string program, string distribution, string remedy)
    {
        using var host = new ConfinedHost();
        // All programs but one, in a mount namespace that goes with the agent.
        string[] around = ConfinedHost.Mounting(
            $$"""
            mount --bind /usr/sbin /mnt
            mount -t tmpfs none /usr/sbin
            for one in /mnt/*; do [ "${one##*/}" = {{program}} ] || ln -s "$one" /usr/sbin/; done
            printf '{{distribution}}\n' > /usr/sbin/os-release
            mount --bind /usr/sbin/os-release /etc/os-release
            """
        );
        CommandResult run = await host.RunAsync(around, enableEbpf: false);
        Assert.Equal((2, ""), (run.ExitCode, run.StandardOutput));
        Assert.Contains($"  {program}: missing: no such program\n    mend: {remedy}\n", run.StandardError, StringComparison.Ordinal);
        Assert.Equal("nothing to remove\n", await host.LeftAsync());
    }
}
