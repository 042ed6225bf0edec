using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Selection;

/// <summary>An agent whose backend lacks something ends without a trace, and says what, and which command of the distribution brings it.</summary>
public sealed class MissingProgramTests
{
    private const string Debian = "ID=debian";
    private const string Rocky = "ID=rocky\nID_LIKE=\"rhel centos fedora\"";

    [KernelTheory]
    [InlineData("ipset", Debian, "there is no program ipset: apt-get install ipset")]
    [InlineData("ipset", Rocky, "there is no program ipset: dnf install ipset")]
    [InlineData("ip*tables-*", Debian, "there is no iptables-restore and ip6tables-restore of either variant: apt-get install iptables")]
    [InlineData("ip6tables-*", Rocky, "there is no iptables-restore and ip6tables-restore of either variant: dnf install iptables-nft")]
    public async Task A_program_that_iptables_needs_is_named_with_what_installs_it(string lacking, string release, string said)
    {
        using var host = new ConfinedHost();
        // All programs but those, in a mount namespace that goes with the agent.
        string[] around = ConfinedHost.Mounting(
            $"""
            mount --bind /usr/sbin /mnt
            mount -t tmpfs none /usr/sbin
            for one in /mnt/*; do case "$(basename "$one")" in {lacking}) ;; *) ln -s "$one" /usr/sbin/ ;; esac; done
            {Distribution(release)}
            """
        );
        await RequireRefusalAsync(host, around, said);
    }

    [KernelTheory]
    [InlineData(Debian, "these kernel modules cannot be loaded: xt_connmark: boot a kernel that has xt_connmark")]
    [InlineData(Rocky, "these kernel modules cannot be loaded: xt_connmark: dnf install kernel-modules-extra-")]
    public async Task A_module_that_iptables_needs_is_named_with_what_brings_it(string release, string said)
    {
        using var host = new ConfinedHost();
        // A host on which rules that mark connections are refused, and xt_connmark is neither in the kernel nor among its modules.
        string[] around = ConfinedHost.Mounting(
            $"""
            for one in /usr/lib/*/xtables/libxt_CONNMARK.so; do mount --bind /dev/null "$one"; done
            mount -t tmpfs none /sys/module
            ! test -e /proc/modules || mount --bind /dev/null /proc/modules
            ! test -e /lib/modules || mount -t tmpfs none /lib/modules
            {Distribution(release)}
            config=/boot/config-$(uname -r)
            if test -e /proc/config.gz; then
                zcat /proc/config.gz | sed '/XT_CONNMARK=/d; s/=m$/=y/' | gzip >/srv/config
                config=/proc/config.gz
            else
                sed '/XT_CONNMARK=/d; s/=m$/=y/' "$config" >/srv/config
            fi
            mount --bind /srv/config "$config"
            ! test -e /usr/sbin/modprobe || mount --bind /bin/false /usr/sbin/modprobe
            """
        );
        await RequireRefusalAsync(host, around, said);
    }

    // os-release is mostly a link; what it leads to is what is covered.
    private static string Distribution(string release) =>
        $"""
        mount -t tmpfs none /srv
        printf '%s\n' '{release}' >/srv/os-release
        mount --bind /srv/os-release /etc/os-release
        """;

    private static async Task RequireRefusalAsync(ConfinedHost host, string[] around, string said)
    {
        CommandResult run = await host.RunAsync(around, enableEbpf: false);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(said, run.StandardOutput + run.StandardError, StringComparison.Ordinal);
        Assert.StartsWith("nothing to remove\n", await host.LeftAsync(), StringComparison.Ordinal);
    }
}
