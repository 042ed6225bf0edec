using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Datapath.Agent.Files;
using Datapath.Backends;
using Datapath.Policy.Compilation;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>Candidate, active and confirmed, as the agent keeps them; the kernel is a fake whose time does not pass.</summary>
public sealed class PolicyTrialTests : IDisposable
{
    private static readonly PendingLease Over = new(LeaseKind.Confirm, TimeSpan.Zero);

    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task An_applied_file_is_the_whole_content_of_the_directory()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        _fixture.Write("b.yaml", Policies.Allowing(81));
        _fixture.Write("notes.txt", "kept");
        await using RunningAgent agent = await _fixture.StartAsync();
        CommandResult applied = await OrderAsync("apply", WriteAside("web.yaml", 82));
        Assert.Equal((0, "generation 2 is in force\n", ""), (applied.Exit, applied.Output, applied.Error));
        Assert.Equal(["notes.txt", "web.yaml"], Names(_fixture.PolicyDirectory));
        Assert.DoesNotContain(Names(_fixture.Root), name => name.StartsWith(".policy", StringComparison.Ordinal));
        Assert.Equal(["web-82"], Ports());
        StatusDocument status = await agent.UntilAsync(status => status.Generation == 2);
        Assert.True(status.Confirmed);
    }

    [Fact]
    public async Task A_broken_file_is_refused_with_its_line_and_the_directory_is_as_it_was()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        string broken = Path.Combine(_fixture.Root, "broken.yaml");
        await File.WriteAllTextAsync(broken, Policies.Broken, TestContext.Current.CancellationToken);
        CommandResult refused = await OrderAsync("apply", broken);
        Assert.Equal(ExitCode.No, refused.Exit);
        Assert.StartsWith($"{broken}:", refused.Error, StringComparison.Ordinal);
        Assert.EndsWith("datapath: the policy has errors and is not applied\n", refused.Error, StringComparison.Ordinal);
        Assert.Equal(["a.yaml"], Names(_fixture.PolicyDirectory));
        Assert.Single(_fixture.Backend.Applied);
    }

    [Fact]
    public async Task While_one_is_on_trial_nothing_else_is_applied_until_it_is_confirmed()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        CommandResult trial = await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        Assert.Equal((0, "generation 2 is in force for 120 s: `datapath confirm` keeps it\n"), (trial.Exit, trial.Output));
        // Who has the answer finds it in the status.
        StatusDocument waiting = (await _fixture.StatusAsync())!;
        Assert.NotNull(waiting.Lease);
        Assert.False(waiting.Confirmed);
        Assert.InRange(waiting.Lease!.SecondsLeft, 1, 120);

        CommandResult second = await OrderAsync("apply", WriteAside("other.yaml", 82));
        Assert.Equal(ExitCode.CouldNot, second.Exit);
        Assert.Contains("generation 2 waits for confirmation", second.Error, StringComparison.Ordinal);
        Assert.Equal(2, _fixture.Backend.Applied.Length);

        Assert.Equal("generation 2 is confirmed\n", (await OrderAsync("confirm")).Output);
        Assert.True(await _fixture.StatusAsync() is { Confirmed: true, Lease: null });
        Assert.Equal(ExitCode.CouldNot, (await OrderAsync("confirm")).Exit);
        Assert.Equal(ExitCode.Done, (await OrderAsync("apply", WriteAside("other.yaml", 82))).Exit);
    }

    [Fact]
    public async Task A_change_of_the_directory_waits_for_the_end_of_a_trial()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        _fixture.Write("web.yaml", Policies.Allowing(82));
        // A change of the host is followed meanwhile, by both: it shows that the files were looked at.
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "192.0.2.2"));
        await agent.UntilAsync(_ => _fixture.Backend.Fallbacks.Length == 1);
        Assert.Equal(["web-81"], Ports());
        Assert.Equal(["web-80"], Ports(_fixture.Backend.Fallbacks[0]));
        await OrderAsync("confirm");
        await agent.UntilAsync(_ => Ports().Contains("web-82"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_rolled_back_is_not_applied_again_until_it_changes_or_is_asked_for(bool isAskedFor)
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        string wrong = WriteAside("web.yaml", 81);
        await using (RunningAgent agent = await _fixture.StartAsync())
        {
            await OrderAsync("apply", wrong, "--confirm-within", "2m");
            CommandResult back = await OrderAsync("rollback");
            Assert.Equal((0, "generation 1 is in force again\n"), (back.Exit, back.Output));
            await agent.UntilAsync(status => status is { Policy.State: PolicyState.RolledBack, Lease: null });
            // The policy before follows the host again.
            Assert.Equal(["web-80"], Ports());
        }

        await using RunningAgent restarted = await _fixture.StartAsync();
        StatusDocument status = await restarted.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Equal(["web-80"], Ports());
        Assert.Contains("rolled back", (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Output, StringComparison.Ordinal);
        Assert.NotNull(status.RolledBack);
        if (isAskedFor)
        {
            Assert.Equal(ExitCode.Done, (await OrderAsync("apply", wrong)).Exit);
            Assert.Equal(["web-81"], Ports());
        }
        else
        {
            _fixture.Write("web.yaml", Policies.Allowing(83));
            await restarted.UntilAsync(_ => Ports().Contains("web-83"));
        }

        Assert.Null((await restarted.UntilAsync(status => status.Policy.State == PolicyState.Applied)).RolledBack);
    }

    [Fact]
    public async Task A_trial_that_ran_out_is_noticed_and_a_confirmation_is_too_late()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        _fixture.Backend.Lease = Over;
        CommandResult late = await OrderAsync("confirm");
        Assert.NotEqual(ExitCode.Done, late.Exit);
        await agent.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Contains("level=warning event=1117 ", agent.Log, StringComparison.Ordinal);
        Assert.Equal(["web-80"], Ports());
    }

    [Theory]
    [InlineData(false, "web-81")]
    [InlineData(true, "web-80")]
    public async Task An_agent_that_comes_back_goes_on_with_the_trial_it_finds_or_with_its_end(bool isOver, string expected)
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
            await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        }

        _fixture.Backend.Lease = isOver ? Over : _fixture.Backend.Lease;
        await using RunningAgent restarted = await _fixture.StartAsync();
        await restarted.UntilAsync(status => isOver ? status.Policy.State == PolicyState.RolledBack : status.Lease is not null);
        Assert.Equal([expected], Ports());
        Assert.Equal(isOver ? ExitCode.CouldNot : ExitCode.Done, (await OrderAsync("confirm")).Exit);
    }

    [Fact]
    public async Task A_successor_never_says_that_a_policy_is_in_force_without_saying_that_it_is_on_trial()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
            await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        }

        // Asked while the policy is put in force, so before anything is said of it.
        var asked = new TaskCompletionSource<StatusDocument?>();
        _fixture.Backend.Applying = () => asked.TrySetResult(Task.Run(_fixture.StatusAsync).GetAwaiter().GetResult());
        await using RunningAgent restarted = await _fixture.StartAsync();
        StatusDocument? early = await asked.Task.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken);
        Assert.NotNull(early?.Lease);
        Assert.False(early.Confirmed);
    }

    [Fact]
    public async Task After_a_boot_what_was_on_trial_is_not_applied()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
            await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        }

        // The kernel has forgotten everything; the directory still holds what nobody confirmed.
        _fixture.Backend.Lease = PendingLease.None;
        _fixture.Backend.Generation = 0;
        await using RunningAgent restarted = await _fixture.StartAsync();
        await restarted.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Equal(["web-80"], Ports());
    }

    [Fact]
    public async Task A_start_with_a_broken_directory_enforces_what_was_confirmed()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (await _fixture.StartAsync())
        {
        }

        _fixture.Backend.Generation = 0;
        _fixture.Write("a.yaml", Policies.Broken);
        await using RunningAgent restarted = await _fixture.StartAsync();
        StatusDocument status = await restarted.UntilAsync(status => status.Policy.State == PolicyState.Refused);
        Assert.Equal(["web-80"], Ports());
        Assert.Equal(AgentState.Enforcing, status.State);
        // And it follows the host, though the directory is broken.
        int before = _fixture.Backend.Applied.Length;
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "192.0.2.2"));
        await restarted.UntilAsync(_ => _fixture.Backend.Applied.Length > before);
        Assert.Equal(["web-80"], Ports());
    }

    [Fact]
    public async Task Without_a_trial_a_rollback_goes_to_the_policy_confirmed_before()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(ExitCode.CouldNot, (await OrderAsync("rollback")).Exit);
        await OrderAsync("apply", WriteAside("web.yaml", 81));
        Assert.Equal(ExitCode.Done, (await OrderAsync("rollback")).Exit);
        await agent.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Equal(["web-80"], Ports());
    }

    [Fact]
    public async Task A_policy_on_trial_that_the_kernel_does_not_take_is_not_tried_again()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        _fixture.Backend.Refusal = new PolicyTooLargeException("kernel memory", 2, 1, "bytes");
        CommandResult refused = await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m");
        Assert.Equal(ExitCode.No, refused.Exit);
        Assert.Contains("needs 2 bytes of kernel memory, 1 are available", refused.Error, StringComparison.Ordinal);
        _fixture.Backend.Refusal = null;
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.1", "192.0.2.2"));
        await agent.UntilAsync(status => status.Policy.State == PolicyState.RolledBack);
        Assert.Equal(["web-80"], Ports());
    }

    [Fact]
    public async Task A_pause_is_told_and_ended()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(ExitCode.CouldNot, (await OrderAsync("resume")).Exit);
        Assert.Equal("everything passes for 600 s: `datapath resume` ends it\n", (await OrderAsync("pause", "--for", "10m")).Output);
        StatusDocument paused = await agent.UntilAsync(status => status.Lease is not null);
        Assert.Equal(LeaseWord.Pause, paused.Lease!.Kind);
        Assert.True(paused.Confirmed);
        Assert.Equal(ExitCode.CouldNot, (await OrderAsync("apply", WriteAside("web.yaml", 81), "--confirm-within", "2m")).Exit);
        Assert.Equal(ExitCode.Done, (await OrderAsync("resume")).Exit);
        await agent.UntilAsync(status => status.Lease is null);
    }

    [Theory]
    [InlineData("0s")]
    [InlineData("2")]
    [InlineData("m")]
    [InlineData("-1m")]
    [InlineData("25h")]
    public async Task A_time_that_is_none_is_refused(string time)
    {
        CommandResult refused = await OrderAsync("pause", "--for", time);
        Assert.Equal(ExitCode.CouldNot, refused.Exit);
        Assert.Contains("is not a time", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_is_read_as_it_was_printed_and_a_damaged_one_is_not_read()
    {
        PolicyRecord record = new(new string('a', 64), Pending: new string('b', 64), RolledBack: new string('0', 64));
        Assert.Equal(record, PolicyRecord.Parse(record.Print()));
        Assert.Null(PolicyRecord.Parse(record.Print()[1..]));
        Assert.Null(PolicyRecord.Parse(record.Print().Replace("aaaa", "../a", StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Names(string directory) =>
        Directory.EnumerateFileSystemEntries(directory).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal);

    private static string[] Ports(CompiledPolicy policy) =>
        [.. policy.Rules.Where(rule => rule.Rule.Kind == RuleKind.Ruleset).Select(rule => rule.Rule.Ruleset).Distinct()];

    private string[] Ports() => Ports(_fixture.Backend.Applied[^1]);

    private string WriteAside(string name, int port)
    {
        string path = Path.Combine(Directory.CreateDirectory(Path.Combine(_fixture.Root, "aside")).FullName, name);
        File.WriteAllText(path, Policies.Allowing(port));
        return path;
    }

    private Task<CommandResult> OrderAsync(string verb, params string[] arguments) =>
        _fixture.CommandAsync([verb, .. arguments, "--socket", _fixture.SocketPath]);
}
