using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Selection;

/// <summary>An agent whose backend lacks a program ends without a trace, and names the program and its package.</summary>
public sealed class MissingProgramTests
{
    [KernelFact]
    public async Task A_program_that_iptables_needs_is_named_with_its_package()
    {
        using var host = new ConfinedHost();
        // All programs but one, in a mount namespace that goes with the agent.
        string[] around = ConfinedHost.Mounting(
            """
            mount --bind /usr/sbin /mnt
            mount -t tmpfs none /usr/sbin
            for one in /mnt/*; do [ "${one##*/}" = ipset ] || ln -s "$one" /usr/sbin/; done
            """
        );
        CommandResult run = await host.RunAsync(around, enableEbpf: false);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("there is no program ipset: install the package ipset", run.StandardOutput + run.StandardError, StringComparison.Ordinal);
        Assert.StartsWith("nothing to remove\n", await host.LeftAsync(), StringComparison.Ordinal);
    }
}
