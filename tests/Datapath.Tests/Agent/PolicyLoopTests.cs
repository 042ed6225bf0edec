using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Datapath.Policy.Compilation;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class PolicyLoopTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task A_good_file_is_applied_a_broken_one_keeps_it_and_a_good_one_replaces_it()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(["web-80"], RulesetsOf(_fixture.Backend.Applied[^1]));

        _fixture.Write("a.yaml", Policies.Broken);
        StatusDocument refused = await agent.UntilAsync(status => status.Policy.State == PolicyState.Refused);
        Assert.Equal(AgentState.Enforcing, refused.State);
        Assert.Equal(1u, refused.Generation);
        Assert.Equal("1 error; what was enforced before stays in force", refused.Policy.Problem);
        Assert.Equal("error", Assert.Single(refused.Policy.Diagnostics).Severity);
        Assert.Single(_fixture.Backend.Applied);
        Assert.Contains("level=error event=1106 ", agent.Log, StringComparison.Ordinal);

        _fixture.Write("a.yaml", Policies.Allowing(81));
        StatusDocument applied = await agent.UntilAsync(status => status.Generation == 2);
        Assert.Equal(PolicyState.Applied, applied.Policy.State);
        Assert.Null(applied.Policy.Problem);
        Assert.Equal(["web-81"], RulesetsOf(_fixture.Backend.Applied[^1]));
    }

    [Fact]
    public async Task A_missing_directory_is_an_empty_policy_until_it_is_there()
    {
        Directory.Delete(_fixture.PolicyDirectory);
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Empty(RulesetsOf(_fixture.Backend.Applied[^1]));
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await agent.UntilAsync(_ => RulesetsOf(_fixture.Backend.Applied[^1]).Contains("web-80"));
    }

    [Fact]
    public async Task A_file_in_place_of_the_directory_is_an_error_not_an_empty_policy()
    {
        Directory.Delete(_fixture.PolicyDirectory);
        await File.WriteAllTextAsync(_fixture.PolicyDirectory, "", TestContext.Current.CancellationToken);
        RunningAgent agent = new(_fixture, _fixture.RunArguments);
        Assert.Equal(ExitCode.CouldNot, await agent.Exit.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken));
        Assert.Contains("DP3001: cannot be read: it is not a directory", agent.Log, StringComparison.Ordinal);
        Assert.Empty(_fixture.Backend.Applied);
    }

    [Fact]
    public async Task First_start_with_a_broken_policy_installs_nothing_and_is_exit_2()
    {
        string path = _fixture.Write("a.yaml", Policies.Broken);
        RunningAgent agent = new(_fixture, _fixture.RunArguments);
        Assert.Equal(ExitCode.CouldNot, await agent.Exit.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken));
        Assert.Empty(_fixture.Backend.Applied);
        Assert.Contains($"level=error event=1106 msg=\"{path}:", agent.Log, StringComparison.Ordinal);
        Assert.Contains("level=error event=1105 ", agent.Log, StringComparison.Ordinal);
        Assert.False(File.Exists(_fixture.SocketPath));
    }

    [Fact]
    public async Task A_broken_policy_does_not_stop_an_agent_that_took_over_an_enforced_one()
    {
        _fixture.Backend.Generation = 7;
        _fixture.Write("a.yaml", Policies.Broken);
        await using RunningAgent agent = await _fixture.StartAsync();
        StatusDocument status = await agent.UntilAsync(status => status.Policy.State == PolicyState.Refused);
        Assert.Equal(AgentState.Enforcing, status.State);
        Assert.Equal(7u, status.Generation);
        Assert.Contains("level=info event=1101 msg=\"generation 7 ", agent.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_writes_in_a_row_are_one_apply()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        for (int i = 0; i < 20; i++)
        {
            _fixture.Write($"{i:d2}.yaml", Policies.Allowing(8000 + i));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        await agent.UntilAsync(status => status.Policy.Files.Length == 20);
        Assert.Equal(2, _fixture.Backend.Applied.Length);
    }

    [Fact]
    public async Task A_directory_that_is_renamed_into_place_is_noticed_and_watched()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        string next = Path.Combine(_fixture.Root, "next");
        Directory.CreateDirectory(next);
        await File.WriteAllTextAsync(Path.Combine(next, "a.yaml"), Policies.Allowing(81), TestContext.Current.CancellationToken);
        Directory.Move(_fixture.PolicyDirectory, Path.Combine(_fixture.Root, "old"));
        Directory.Move(next, _fixture.PolicyDirectory);
        await agent.UntilAsync(_ => RulesetsOf(_fixture.Backend.Applied[^1]).Contains("web-81"));

        _fixture.Write("a.yaml", Policies.Allowing(82));
        await agent.UntilAsync(_ => RulesetsOf(_fixture.Backend.Applied[^1]).Contains("web-82"));
    }

    [Fact]
    public async Task A_link_that_is_turned_to_another_directory_is_noticed_and_watched()
    {
        string[] releases = [Path.Combine(_fixture.Root, "r1"), Path.Combine(_fixture.Root, "r2")];
        foreach ((string release, int port) in releases.Zip([80, 81]))
        {
            Directory.CreateDirectory(release);
            await File.WriteAllTextAsync(Path.Combine(release, "a.yaml"), Policies.Allowing(port), TestContext.Current.CancellationToken);
        }

        Directory.Delete(_fixture.PolicyDirectory);
        Directory.CreateSymbolicLink(_fixture.PolicyDirectory, releases[0]);
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(["web-80"], RulesetsOf(_fixture.Backend.Applied[^1]));

        Directory.Delete(_fixture.PolicyDirectory);
        Directory.CreateSymbolicLink(_fixture.PolicyDirectory, releases[1]);
        await agent.UntilAsync(_ => RulesetsOf(_fixture.Backend.Applied[^1]).Contains("web-81"));

        await File.WriteAllTextAsync(Path.Combine(releases[1], "a.yaml"), Policies.Allowing(82), TestContext.Current.CancellationToken);
        await agent.UntilAsync(_ => RulesetsOf(_fixture.Backend.Applied[^1]).Contains("web-82"));
    }

    [Fact]
    public async Task What_the_kernel_refuses_is_said_and_the_old_policy_stays()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        _fixture.Backend.Refusal = new PolicyTooLargeException("rows", 200, 100, "bytes");
        _fixture.Write("a.yaml", Policies.Allowing(81));
        StatusDocument status = await agent.UntilAsync(status => status.Policy.State == PolicyState.NotTaken);
        Assert.Equal("the policy needs 200 bytes of rows, 100 are available", status.Policy.Problem);
        Assert.Equal(1u, status.Generation);

        _fixture.Backend.Refusal = null;
        _fixture.Write("a.yaml", Policies.Allowing(82));
        await agent.UntilAsync(status => status is { Policy.State: PolicyState.Applied, Generation: 2 });
    }

    [Fact]
    public async Task A_kernel_that_refuses_at_first_start_is_exit_2()
    {
        _fixture.Backend.Refusal = new BackendException("load program dp_ingress: Operation not permitted");
        RunningAgent agent = new(_fixture, _fixture.RunArguments);
        Assert.Equal(ExitCode.CouldNot, await agent.Exit.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken));
        Assert.Contains("load program dp_ingress: Operation not permitted", agent.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_address_of_the_host_is_compiled_in_and_an_old_one_is_not_compiled_again()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "198.51.100.7"));
        await agent.UntilAsync(status => status.Generation == 2);
        Assert.NotEqual(
            _fixture.Backend.Applied[0].Peers.IPv4.AsEnumerable(),
            _fixture.Backend.Applied[1].Peers.IPv4.AsEnumerable()
        );

        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "198.51.100.7"));
        await Task.Delay(PolicyTrigger.Quiet * 3, TestContext.Current.CancellationToken);
        Assert.Equal(2, _fixture.Backend.Applied.Length);
    }

    [Fact]
    public async Task A_host_that_cannot_be_read_is_read_again()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        _fixture.HostRefusal = new BackendException("read routing table GetLink: EBUSY");
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "198.51.100.7"));
        await agent.UntilAsync(_ => agent.Log.Contains("level=error event=1113 ", StringComparison.Ordinal));
        // Nobody tells of the change again.
        _fixture.HostRefusal = null;
        await agent.UntilAsync(status => status.Generation == 2);
    }

    [Fact]
    public async Task A_place_that_the_kernel_refuses_is_tried_again_and_the_policy_is_in_force_all_the_same()
    {
        _fixture.Backend.RefusedPlaces = 1;
        await using RunningAgent agent = await _fixture.StartAsync();
        StatusDocument first = await agent.UntilAsync(status => status.Policy.State == PolicyState.Applied);
        Assert.Equal("interface eth0: no", Assert.Single(first.Units).NotEnforced);
        await agent.UntilAsync(status => Assert.Single(status.Units).NotEnforced is null);
    }

    [Fact]
    public async Task Rules_keep_their_numbers_over_a_restart()
    {
        _fixture.Write("b.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
            Assert.Equal(["web-80"], RulesetsOf(_fixture.Backend.Applied[^1]));
        }

        int before = NumberOf("web-80");
        _fixture.Write("a.yaml", Policies.Allowing(79));
        await using (await _fixture.StartAsync())
        {
            Assert.Equal(["web-79", "web-80"], RulesetsOf(_fixture.Backend.Applied[^1]).Order(StringComparer.Ordinal));
        }

        Assert.Equal(before, NumberOf("web-80"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_fixture.StateDirectory, "rule-indexes")));

        int NumberOf(string ruleset) => _fixture.Backend.Applied[^1].Rules.Single(rule => rule.Rule.Ruleset == ruleset).Index;
    }

    [Fact]
    public async Task Damaged_numbers_are_said_and_do_not_keep_the_policy_from_being_enforced()
    {
        Directory.CreateDirectory(_fixture.StateDirectory);
        await File.WriteAllTextAsync(Path.Combine(_fixture.StateDirectory, "rule-indexes"), "rubbish\n", TestContext.Current.CancellationToken);
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Contains("level=warning event=1110 ", agent.Log, StringComparison.Ordinal);
        Assert.Single(_fixture.Backend.Applied);
    }

    [Fact]
    public async Task The_number_of_a_rule_that_is_gone_is_another_rules_after_six_days_with_its_counter_at_zero()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        int number = NumberOf(80);
        await AllowAsync(agent, 81);
        _fixture.Clock.Pass(TimeSpan.FromDays(5.9));
        await AllowAsync(agent, 82);
        Assert.NotEqual(number, NumberOf(82));
        Assert.Empty(_fixture.Backend.Zeroed);
        _fixture.Clock.Pass(TimeSpan.FromDays(0.2));
        await AllowAsync(agent, 83);
        Assert.Equal(number, NumberOf(83));
        Assert.Equal([number], _fixture.Backend.Zeroed);
    }

    [Fact]
    public async Task An_agent_that_has_just_started_gives_no_number_away_before_its_second_policy()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        int number;
        await using (RunningAgent agent = await _fixture.StartAsync())
        {
            number = NumberOf(80);
            await AllowAsync(agent, 81);
        }

        _fixture.Clock.Pass(TimeSpan.FromDays(7));
        _fixture.Write("a.yaml", Policies.Allowing(82));
        await using RunningAgent restarted = await _fixture.StartAsync();
        Assert.NotEqual(number, NumberOf(82));
        Assert.Empty(_fixture.Backend.Zeroed);
        await AllowAsync(restarted, 83);
        Assert.Equal(number, NumberOf(83));
        Assert.Equal([number], _fixture.Backend.Zeroed);
    }

    [Fact]
    public async Task A_policy_that_the_kernel_did_not_take_puts_no_number_out_of_use()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        int number = NumberOf(80);
        _fixture.Backend.Refusal = new BackendException("no");
        _fixture.Write("a.yaml", Policies.Allowing(81));
        await agent.UntilAsync(status => status.Policy.State == PolicyState.NotTaken);
        _fixture.Clock.Pass(TimeSpan.FromDays(30));
        _fixture.Backend.Refusal = null;
        await AllowAsync(agent, 82);
        Assert.NotEqual(number, NumberOf(82));
        Assert.Empty(_fixture.Backend.Zeroed);
    }

    private int NumberOf(int port) => _fixture.Backend.Applied[^1].Rules.Single(rule => rule.Rule.Ruleset == $"web-{port}").Index;

    private async Task AllowAsync(RunningAgent agent, int port)
    {
        uint before = _fixture.Backend.Generation;
        _fixture.Write("a.yaml", Policies.Allowing(port));
        // The status tells of an apply when everything about it is done.
        await agent.UntilAsync(status => status.Generation > before);
    }

    private static string[] RulesetsOf(CompiledPolicy policy) =>
        [.. policy.Rules.Where(rule => rule.Rule.Kind == RuleKind.Ruleset).Select(rule => rule.Rule.Ruleset).Distinct()];
}
