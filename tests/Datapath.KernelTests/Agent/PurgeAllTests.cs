using Datapath.Interop.Processes;
using Datapath.KernelTests.Iptables;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>
/// <c>datapath purge --all</c>, in a mount namespace with a BPF file system of its own: it removes what it finds, and other tests have pins too.
/// </summary>
public sealed class PurgeAllTests : IAsyncLifetime
{
    // It says when it is done, and holds the namespace until it is killed.
    private readonly RunningCommand _mounts = RunningCommand.Start(
        "unshare",
        ["--mount", "--propagation", "private", "sh", "-c", "mount -t bpf bpf /sys/fs/bpf && echo mounted && exec sleep 300"]
    );

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string MountNamespacePath => $"/proc/{_mounts.Id}/ns/mnt";

    public async ValueTask InitializeAsync()
    {
        while (!_mounts.Output.Contains("mounted"))
        {
            Assert.False(_mounts.HasExited, string.Join('\n', _mounts.Output));
            await Task.Delay(10, Token);
        }
    }

    public ValueTask DisposeAsync() => _mounts.DisposeAsync();

    [KernelFact]
    public async Task Every_instance_of_this_host_goes_with_either_backend_and_none_of_another_host()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        await using AgentLab other = await AgentLab.CreateAsync(AgentPolicies.Friends);
        AgentSite ebpf = lab.Site with { MountNamespacePath = MountNamespacePath };
        AgentSite iptables = ebpf with { EnableEbpf = false, Instance = $"{ebpf.Instance}-ipt", WorkPath = Path.Combine(ebpf.WorkPath, "second") };
        AgentSite elsewhere = other.Site with { MountNamespacePath = MountNamespacePath };
        Directory.CreateDirectory(iptables.PolicyPath);
        await File.WriteAllTextAsync(Path.Combine(iptables.PolicyPath, "policy.yaml"), AgentPolicies.Friends, Token);
        await (await lab.StartAsync(ebpf)).KillAsync();
        await (await lab.StartAsync(iptables)).KillAsync();
        await (await other.StartAsync(elsewhere)).KillAsync();
        Assert.Equal((4, 4), (lab.AtHooks().Length, other.AtHooks().Length));
        Assert.All(OfIptables(lab), Assert.NotEmpty);

        CommandResult purge = await ebpf.CommandAsync(["purge", "--all"], Token);
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        string[] instances = [.. purge.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(':')[0]).Distinct()];
        Assert.Equal([ebpf.Instance, iptables.Instance], instances);
        Assert.Equal((0, 4), (lab.AtHooks().Length, other.AtHooks().Length));
        Assert.All(OfIptables(lab), Assert.Empty);

        // Only seen from here, so it is removed from here.
        await elsewhere.PurgeAsync();
        Assert.Empty(other.AtHooks());
    }

    private static string[][] OfIptables(AgentLab lab) => [RuleListing.Ours(lab, "nft"), RuleListing.Sets(lab)];
}
