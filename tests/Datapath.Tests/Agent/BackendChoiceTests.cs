using Datapath.Agent.Commands;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>Which backend enforces, and what becomes of the one that did before.</summary>
public sealed class BackendChoiceTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public BackendChoiceTests() => _fixture.Write("policy.yaml", "APIVersion: 1\nlabel: t\ndata: {}\n");

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Iptables_enforces_unless_ebpf_is_asked_for_and_the_other_is_removed_after_the_first_apply(bool enableEbpf)
    {
        _fixture.EnableEbpf = enableEbpf;
        (FakeBackend chosen, FakeBackend former) = enableEbpf ? (_fixture.Backend, _fixture.Iptables) : (_fixture.Iptables, _fixture.Backend);
        former.Objects = ["what the last agent left"];
        chosen.Objects = ["ours"];
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(chosen.Name, (await _fixture.StatusAsync())!.Backend);
        Assert.Single(chosen.Applied);
        Assert.Empty(former.Applied);
        Assert.Empty(former.Objects);
        Assert.Equal(["ours"], chosen.Objects);
        Assert.Contains($"what {former.Name} enforced before is removed, objects 1", agent.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_new_one_is_refused_the_old_one_stays()
    {
        _fixture.EnableEbpf = false;
        _fixture.Iptables.Refusal = new Datapath.Backends.BackendException("no iptables");
        _fixture.Backend.Objects = ["what the last agent left"];
        await using RunningAgent agent = new(_fixture, _fixture.RunArguments);
        Assert.Equal(ExitCode.CouldNot, await agent.Exit.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken));
        Assert.Equal(["what the last agent left"], _fixture.Backend.Objects);
        Assert.Contains("no iptables", agent.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_ebpf_cannot_be_iptables_enforces_and_one_line_says_why()
    {
        _fixture.EbpfObstacle = "bpf(2): make map dp_probe: EPERM";
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal("iptables", (await _fixture.StatusAsync())!.Backend);
        Assert.Single(_fixture.Iptables.Applied);
        Assert.Single(agent.Log.Split('\n'), line => line.Contains("eBPF was asked for and cannot be: bpf(2): make map dp_probe: EPERM; iptables is used", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_somebody_took_away_is_put_back_and_said_once()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        _fixture.Backend.Damage = "the jump of PREROUTING is not where it was";
        uint first = (await agent.UntilAsync(status => status.Generation > 1)).Generation;
        _fixture.Backend.Damage = "the jump of PREROUTING is not where it was";
        await agent.UntilAsync(status => status.Generation > first);
        Assert.Single(agent.Log.Split('\n'), line => line.Contains("somebody changed what is in force: the jump of PREROUTING is not where it was", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Purge_takes_what_either_left()
    {
        _fixture.Backend.Objects = ["map dp_rows"];
        _fixture.Iptables.Objects = ["set dp.default.1.4"];
        CommandResult purge = await _fixture.CommandAsync("purge");
        Assert.Equal("default: removed map dp_rows\ndefault: removed set dp.default.1.4\n", purge.Output);
        Assert.Equal(ExitCode.Done, purge.Exit);
    }
}
