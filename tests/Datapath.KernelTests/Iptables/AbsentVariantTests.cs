using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>Both variants installed, and a kernel that has one: its programs say so, and the other judges.</summary>
public sealed class AbsentVariantTests
{
    private const string Refusal = "echo \"$(basename \"$0\")/1.8.9 Failed to initialize nft: Protocol not supported\" >&2; exit 1";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task Without_nf_tables_the_legacy_variant_judges_and_purge_and_doctor_do_not_miss_the_other()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        foreach (string program in (string[])["iptables-nft", "ip6tables-nft"])
        {
            lab.WriteProgram($"{program}-save", Refusal);
            lab.WriteProgram($"{program}-restore", Refusal);
        }

        AgentSite site = lab.Site with { Executable = lab.WriteProgram("agent", $"""PATH={lab.Site.WorkPath}:$PATH exec {lab.Site.Executable} "$@" """) };
        RunningAgent agent = await lab.StartAsync(site);
        Assert.NotEmpty(RuleListing.Ours(lab, "legacy"));
        Assert.Empty(RuleListing.Ours(lab, "nft"));
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);

        CommandResult doctor = await site.CommandAsync(["doctor"], Token);
        Assert.DoesNotContain("could not be listed", doctor.StandardOutput, StringComparison.Ordinal);
        await agent.KillAsync();
        CommandResult all = await site.CommandAsync(["purge", "--instance", site.Instance], Token);
        Assert.Equal((0, ""), (all.ExitCode, all.StandardError));
        Assert.Contains("removed iptables-legacy chain ", all.StandardOutput, StringComparison.Ordinal);
        Assert.Empty(RuleListing.Ours(lab, "legacy"));
        Assert.Empty(RuleListing.Sets(lab));
        CommandResult again = await site.CommandAsync(["purge", "--instance", site.Instance], Token);
        Assert.Equal((0, "nothing to remove\n", ""), (again.ExitCode, again.StandardOutput, again.StandardError));
    }

    [KernelFact]
    public async Task What_a_first_look_is_refused_for_want_of_a_module_is_looked_at_again()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        string asked = Path.Combine(lab.Site.WorkPath, "asked");
        lab.WriteProgram("ipset", $"""if [ ! -e {asked} ]; then touch {asked}; echo 'ipset v7.17: Cannot open session to kernel.' >&2; exit 1; fi; exec /usr/sbin/ipset "$@" """);
        AgentSite site = lab.Site with { Executable = lab.WriteProgram("agent", $"""PATH={lab.Site.WorkPath}:$PATH exec {lab.Site.Executable} "$@" """) };
        await lab.StartAsync(site);
        Assert.True(File.Exists(asked), "nobody asked for sets");
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
    }

    [KernelFact]
    public async Task What_may_not_be_asked_now_is_no_absence_and_purge_says_that_it_could_not()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        await (await lab.StartAsync()).KillAsync();
        lab.WriteProgram("iptables-nft-save", "echo 'iptables: Resource temporarily unavailable.' >&2; exit 4");
        AgentSite site = lab.Site with { Executable = lab.WriteProgram("agent", $"""PATH={lab.Site.WorkPath}:$PATH exec {lab.Site.Executable} "$@" """) };
        CommandResult purge = await site.CommandAsync(["purge", "--instance", site.Instance], Token);
        Assert.Equal(2, purge.ExitCode);
        Assert.Contains("Resource temporarily unavailable", purge.StandardError, StringComparison.Ordinal);
        Assert.NotEmpty(RuleListing.Ours(lab, "nft"));
    }
}
