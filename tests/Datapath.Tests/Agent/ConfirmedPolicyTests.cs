using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Datapath.Backends;
using Datapath.Policy.Compilation;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>What was confirmed is in force whatever lies beside it, and what was rolled back comes back by no detour. The kernel is a fake.</summary>
public sealed class ConfirmedPolicyTests : IDisposable
{
    private static readonly PendingLease Over = new(LeaseKind.Confirm, TimeSpan.Zero);

    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_trial_of_what_is_in_force_already_a_boot_enforces_it(bool isRolledBack)
    {
        string same = WriteAside("web.yaml", 80);
        _fixture.Write("a.yaml", Policies.Allowing(79));
        await using (RunningAgent agent = await _fixture.StartAsync())
        {
            await OrderAsync("apply", same);
            await OrderAsync("apply", same, "--confirm-within", "2m");
            _fixture.Backend.Lease = isRolledBack ? _fixture.Backend.Lease : Over;
            await OrderAsync(isRolledBack ? "rollback" : "confirm");
            await agent.UntilAsync(status => status.Lease is null);
        }

        Boot();
        await using RunningAgent restarted = await _fixture.StartAsync();
        StatusDocument status = await restarted.UntilAsync(status => status.Policy.State == PolicyState.Applied);
        Assert.True(status.Confirmed);
        Assert.Equal(["web-80"], Ports());
    }

    [Fact]
    public async Task A_file_besides_that_cannot_be_read_does_not_hide_what_was_confirmed()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
        }

        // Of the files that can be read the directory is what it was.
        File.CreateSymbolicLink(Path.Combine(_fixture.PolicyDirectory, "b.yaml"), "/nowhere");
        Boot();
        await using RunningAgent restarted = await _fixture.StartAsync();
        StatusDocument status = await restarted.UntilAsync(status => status.Policy.State == PolicyState.Refused);
        Assert.Equal(["web-80"], Ports());
        Assert.Equal(AgentState.Enforcing, status.State);
    }

    [Fact]
    public async Task A_rollback_after_a_trial_that_ran_out_does_not_bring_it_back()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        await OrderAsync("apply", WriteAside("web.yaml", 81));
        await OrderAsync("apply", WriteAside("web.yaml", 82), "--confirm-within", "2m");
        _fixture.Backend.Lease = Over;
        await OrderAsync("confirm");
        await agent.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Equal(["web-81"], Ports());

        // From 81, which was confirmed, to 80; 82 is still in the directory.
        Assert.Equal(ExitCode.Done, (await OrderAsync("rollback")).Exit);
        int applied = _fixture.Backend.Applied.Length;
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "192.0.2.2"));
        await agent.UntilAsync(_ => _fixture.Backend.Applied.Length > applied);
        StatusDocument status = await agent.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Equal(["web-80"], Ports());
        Assert.True(status.Confirmed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_confirmation_that_died_between_disk_and_kernel_holds(bool isOver)
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
            await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        }

        // The record says both, and the kernel knows of a trial.
        string record = Path.Combine(_fixture.StateDirectory, "policy-record");
        string[] lines = await File.ReadAllLinesAsync(record, TestContext.Current.CancellationToken);
        string pending = lines.Single(line => line.StartsWith("pending ", StringComparison.Ordinal))["pending ".Length..];
        string confirmed = lines.Single(line => line.StartsWith("confirmed ", StringComparison.Ordinal));
        await File.WriteAllLinesAsync(record, lines.Select(line => line == confirmed ? $"confirmed {pending}" : line), TestContext.Current.CancellationToken);
        _fixture.Backend.Lease = isOver ? Over : _fixture.Backend.Lease;

        await using RunningAgent restarted = await _fixture.StartAsync();
        StatusDocument status = await restarted.UntilAsync(status => status is { Policy.State: PolicyState.Applied, Lease: null });
        Assert.True(status.Confirmed);
        Assert.Equal(["web-81"], Ports());
        Assert.Equal(PendingLease.None, _fixture.Backend.Lease);
    }

    [Fact]
    public async Task A_trial_that_the_kernel_ended_without_a_word_is_over()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        // As a rollback leaves it that is refused after the switch.
        _fixture.Backend.Lease = PendingLease.None;
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "192.0.2.2"));
        await agent.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Equal(["web-80"], Ports());
        Assert.Equal(ExitCode.Done, (await OrderAsync("apply", WriteAside("other.yaml", 83))).Exit);
    }

    [Fact]
    public async Task A_place_that_refuses_an_applied_file_is_tried_again()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        _fixture.Backend.RefusedPlaces = 1;
        Assert.Equal(ExitCode.Done, (await OrderAsync("apply", WriteAside("web.yaml", 81))).Exit);
        // Nothing else changes that would have it applied once more.
        await agent.UntilAsync(_ => _fixture.Backend.Applied.Length == 3);
        Assert.Equal(["web-81"], Ports());
    }

    [Fact]
    public async Task Numbers_that_cannot_be_read_begin_anew()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        Directory.CreateDirectory(Path.Combine(_fixture.StateDirectory, "rule-indexes"));
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(["web-80"], Ports());
        Assert.Contains("rule-indexes", agent.Log, StringComparison.Ordinal);
    }

    // The kernel has forgotten everything.
    private void Boot()
    {
        _fixture.Backend.Lease = PendingLease.None;
        _fixture.Backend.Generation = 0;
    }

    private string[] Ports() =>
        [.. _fixture.Backend.Applied[^1].Rules.Where(rule => rule.Rule.Kind == RuleKind.Ruleset).Select(rule => rule.Rule.Ruleset).Distinct()];

    private string WriteAside(string name, int port)
    {
        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(_fixture.Root, "aside")).FullName, name);
        File.WriteAllText(path, Policies.Allowing(port));
        return path;
    }

    private Task<CommandResult> OrderAsync(string verb, params string[] arguments) =>
        _fixture.CommandAsync([verb, .. arguments, "--socket", _fixture.SocketPath]);
}
