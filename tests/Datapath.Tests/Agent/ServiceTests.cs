using System.Net.Sockets;
using Datapath.Agent.Commands;
using Datapath.Agent.Documents;
using Datapath.Agent.Loops;
using Datapath.Agent.Service;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class ServiceTests : IDisposable
{
    private static readonly TimeSpan Watchdog = TimeSpan.FromMilliseconds(300);

    private readonly AgentFixture _fixture = new();

    private string SocketName => Path.Combine(_fixture.Root, "notify");

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ready_is_said_once_the_policy_is_in_force_and_the_agent_answers(bool isAbstract)
    {
        using NotifySocket systemd = new(isAbstract ? $"@dpt-{Guid.NewGuid():N}" : SocketName);
        Listen(systemd);
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = new(_fixture, _fixture.RunArguments);
        Assert.Equal("READY=1\nSTATUS=ebpf: enforcing, generation 1", await systemd.UntilAsync("READY"));
        // No more patience: what it was waited for is there.
        StatusDocument? status = await _fixture.StatusAsync();
        Assert.Equal((AgentState.Enforcing, 1u), (status?.State, status?.Generation));
        Assert.Equal("WATCHDOG=1", await systemd.UntilAsync("WATCHDOG"));
        await agent.StopAsync();
        Assert.Equal("STOPPING=1", await systemd.UntilAsync("STOPPING"));
    }

    [Fact]
    public async Task An_agent_that_enforces_nothing_is_never_ready()
    {
        using NotifySocket systemd = new(SocketName);
        Listen(systemd);
        _fixture.Write("a.yaml", "nonsense");
        await using RunningAgent agent = new(_fixture, _fixture.RunArguments);
        Assert.Equal(ExitCode.CouldNot, await agent.Exit.WaitAsync(RunningAgent.Patience, TestContext.Current.CancellationToken));
        Assert.DoesNotContain(systemd.Waiting(), message => message.StartsWith("READY", StringComparison.Ordinal) || message.StartsWith("WATCHDOG", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_watchdog_is_fed_by_rounds_of_the_policy_loop_and_by_nothing_else()
    {
        using NotifySocket systemd = new(SocketName);
        using CancellationTokenSource stop = new();
        LoopPulse pulse = new(TimeProvider.System);
        using var manager = ServiceManager.Of(name => systemd.Variables(Watchdog).GetValueOrDefault(name), TimeProvider.System);
        StatusDocument status = await AnyStatusAsync();
        ServiceLoop service = new(manager, pulse, () => status, TimeProvider.System) { SlowestRound = TimeSpan.Zero };
        Task loop = service.RunAsync(stop.Token);
        await using (Timer rounds = new(_ => pulse.Beat(), null, TimeSpan.Zero, Watchdog / 20))
        {
            await systemd.UntilAsync("READY");
            for (int fed = 0; fed < 4; fed++)
            {
                Assert.Equal("WATCHDOG=1", await systemd.UntilAsync("WATCHDOG"));
            }
        }

        // It hangs. What was said until its last round is too old is read; after that there is silence.
        await Task.Delay(Watchdog * 2, TestContext.Current.CancellationToken);
        systemd.Waiting();
        await Task.Delay(Watchdog * 3, TestContext.Current.CancellationToken);
        Assert.Empty(systemd.Waiting());
        await stop.CancelAsync();
        await loop;
    }

    [Fact]
    public async Task A_start_that_works_is_given_time_and_one_that_hangs_is_not()
    {
        using NotifySocket systemd = new(SocketName);
        using CancellationTokenSource stop = new();
        LoopPulse pulse = new(TimeProvider.System);
        using var manager = ServiceManager.Of(name => systemd.Variables(Watchdog).GetValueOrDefault(name), TimeProvider.System);
        StatusDocument status = await AnyStatusAsync();
        long seconds = 0;
        ServiceLoop service = new(manager, pulse, () => status, TimeProvider.System)
        {
            StartInterval = Watchdog / 30,
            ProcessorTime = () => TimeSpan.FromSeconds(Volatile.Read(ref seconds)),
        };
        Task loop = service.RunAsync(stop.Token);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("EXTEND_TIMEOUT_USEC=90000000", await systemd.UntilAsync(""));
            await Task.Delay(Watchdog, TestContext.Current.CancellationToken);
            Assert.Empty(systemd.Waiting());
            Interlocked.Increment(ref seconds);
        }

        pulse.Beat();
        await systemd.UntilAsync("READY");
        await stop.CancelAsync();
        await loop;
    }

    [Fact]
    public async Task A_start_that_works_and_never_ends_is_given_up()
    {
        using NotifySocket systemd = new(SocketName);
        using CancellationTokenSource stop = new();
        using var manager = ServiceManager.Of(name => systemd.Variables(Watchdog).GetValueOrDefault(name), TimeProvider.System);
        StatusDocument status = await AnyStatusAsync();
        LaterClock clock = new();
        long seconds = 0;
        ServiceLoop service = new(manager, new LoopPulse(clock), () => status, clock)
        {
            StartInterval = TimeSpan.FromMilliseconds(1),
            ProcessorTime = () => TimeSpan.FromSeconds(Interlocked.Increment(ref seconds)),
        };
        Task loop = service.RunAsync(stop.Token);
        for (int i = 0; i < 3; i++)
        {
            await systemd.UntilAsync("EXTEND");
        }

        clock.Pass(service.LongestStart);
        systemd.Waiting();
        await Task.Delay(Watchdog, TestContext.Current.CancellationToken);
        // It may have looked at the clock just before.
        Assert.InRange(systemd.Waiting().Count, 0, 1);
        await stop.CancelAsync();
        await loop;
    }

    [Fact]
    public async Task A_watchdog_that_is_meant_for_another_process_is_not_ours()
    {
        using NotifySocket systemd = new(SocketName);
        Dictionary<string, string> variables = systemd.Variables(Watchdog);
        Assert.Equal(Watchdog, Manager().Watchdog);
        variables["WATCHDOG_PID"] = "1";
        Assert.Null(Manager().Watchdog);
        variables.Remove("WATCHDOG_PID");
        Assert.Equal(Watchdog, Manager().Watchdog);
        variables["NOTIFY_SOCKET"] = "vsock:2:1";
        Assert.False(Manager().IsThere);
        await Task.CompletedTask;

        ServiceManager Manager() => ServiceManager.Of(name => variables.GetValueOrDefault(name), TimeProvider.System);
    }

    [Fact]
    public async Task Reloading_takes_in_what_can_change_and_names_what_cannot()
    {
        using NotifySocket systemd = new(SocketName);
        Listen(systemd);
        _fixture.Configure("DATAPATH_DEFAULT_ACTION=allow");
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        await systemd.UntilAsync("READY");
        Assert.Equal(DefaultAction.Allow, DefaultOf());

        _fixture.Configure("DATAPATH_DEFAULT_ACTION=reject", "DATAPATH_TC_HOOK=tcx");
        _fixture.Hangup();
        Assert.Matches("^RELOADING=1\nMONOTONIC_USEC=[0-9]{4,}$", await systemd.UntilAsync("RELOADING"));
        Assert.Equal("READY=1\nSTATUS=ebpf: enforcing, generation 2", await systemd.UntilAsync("READY"));
        Assert.Equal(DefaultAction.Reject, DefaultOf());
        Assert.Contains("event=1009 msg=\"--tc-hook has changed and takes effect when the agent is started again\"", agent.Log, StringComparison.Ordinal);
        Assert.Contains("event=1007 ", agent.Log, StringComparison.Ordinal);

        _fixture.Configure("DATAPATH_DEFAULT_ACTION=maybe");
        _fixture.Hangup();
        await systemd.UntilAsync("RELOADING");
        Assert.Equal("READY=1\nSTATUS=ebpf: enforcing, generation 2", await systemd.UntilAsync("READY"));
        Assert.Contains("level=error event=1008 msg=\"configuration not taken, the settings before stay: ", agent.Log, StringComparison.Ordinal);

        // Its files only allow: what rejects is the default.
        DefaultAction DefaultOf() =>
            _fixture.Backend.Applied[^1].Descriptors.Any(one => one.Verdict == Verdict.Reject) ? DefaultAction.Reject : DefaultAction.Allow;
    }

    [Fact]
    public async Task Status_says_by_its_exit_code_whether_the_agent_runs()
    {
        Assert.Equal(3, (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Exit);
        await using (RunningAgent agent = await _fixture.StartAsync())
        {
            Assert.Equal(0, (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Exit);
        }

        Assert.Equal(3, (await _fixture.CommandAsync("status", "--socket", _fixture.SocketPath)).Exit);
        string stranger = Path.Combine(_fixture.Root, "stranger");
        using Socket silent = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        silent.Bind(new UnixDomainSocketEndPoint(stranger));
        silent.Listen();
        _ = AnswerAsync();
        Assert.Equal(4, (await _fixture.CommandAsync("status", "--socket", stranger)).Exit);

        async Task AnswerAsync()
        {
            using Socket asked = await silent.AcceptAsync(TestContext.Current.CancellationToken);
            asked.Send("who is there?\n"u8);
        }
    }

    private void Listen(NotifySocket systemd)
    {
        foreach ((string name, string value) in systemd.Variables(Watchdog))
        {
            _fixture.Variables[name] = value;
        }
    }

    private async Task<StatusDocument> AnyStatusAsync()
    {
        await using RunningAgent agent = await _fixture.StartAsync();
        return (await _fixture.StatusAsync())!;
    }

    /// <summary>Some time after the machine's; timers run as they are.</summary>
    private sealed class LaterClock : TimeProvider
    {
        private long _later;

        public void Pass(TimeSpan time) => Interlocked.Add(ref _later, (long)(time.TotalSeconds * TimestampFrequency));

        public override long GetTimestamp() => System.GetTimestamp() + Interlocked.Read(ref _later);
    }
}
