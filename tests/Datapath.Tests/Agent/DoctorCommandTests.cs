using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Backends.Selection;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class DoctorCommandTests : IDisposable
{
    private static readonly Requirement Call =
        new("bpf-syscall", "bpf(2)", RequirementScope.Ebpf, RequirementLevel.Needed, Finding.Found, "made an array map", "3.18");

    private static readonly Requirement Jit =
        new("jit", "JIT", RequirementScope.Ebpf, RequirementLevel.Useful, Finding.Missing, "it is 0", null, "sysctl -w net.core.bpf_jit_enable=1");

    private static readonly Neighbour Ufw = new("ufw", Finding.Found, "it says ENABLED=yes", "a firewall");

    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    private Task<CommandResult> DoctorAsync(string line, params Requirement[] rows)
    {
        _fixture.Survey = new HostSurvey("6.1.0-test", [.. rows], [Ufw, new Neighbour("Cilium", Finding.Missing, "nothing of it")]);
        return _fixture.CommandAsync(["doctor", .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
    }

    [Fact]
    public async Task The_answer_comes_first_then_what_to_do_then_everything()
    {
        CommandResult result = await DoctorAsync("--enable-ebpf", Call, Jit);
        Assert.Equal((ExitCode.Done, ""), (result.Exit, result.Error));
        Assert.Equal(
            """
            backend   ebpf
            why       eBPF was asked for, and everything that ebpf needs is there
            kernel    6.1.0-test

            worth mending:
              JIT: missing: it is 0
                mend: sysctl -w net.core.bpf_jit_enable=1

            for   need    what    state    since  why
            ebpf  needed  bpf(2)  found    3.18   made an array map
            ebpf  useful  JIT     missing  -      it is 0

            others who filter packets of this host:
              ufw: it says ENABLED=yes
                a firewall

            """,
            result.Output
        );
    }

    [Fact]
    public async Task What_is_missing_is_exit_1_with_what_mends_it_and_without_what_rests_on_it()
    {
        CommandResult result = await DoctorAsync(
            "--enable-ebpf",
            Call with { Finding = Finding.Missing, Evidence = "ENOSYS", Remedy = "another kernel" },
            Call with { Id = "map", Name = "map", Finding = Finding.CouldNotTell, Evidence = "needs bpf(2)" }
        );
        Assert.Equal(ExitCode.No, result.Exit);
        Assert.Contains(
            "\nin the way:\n  bpf(2): missing: ENOSYS\n    mend: another kernel\n  1 more cannot be told before that is mended\n\n",
            result.Output,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task What_cannot_be_told_is_exit_2()
    {
        CommandResult result = await DoctorAsync("--enable-ebpf", Call with { Finding = Finding.CouldNotTell, Evidence = "EIO" });
        Assert.Equal(ExitCode.CouldNot, result.Exit);
        Assert.Contains("\nin the way:\n  bpf(2): could not tell: EIO\n\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neighbours_that_one_reason_hides_are_one_line()
    {
        Neighbour hidden = new("Cilium", Finding.CouldNotTell, "no root");
        _fixture.Survey = new HostSurvey("6.1.0-test", [], [hidden, hidden with { Name = "Calico" }, hidden with { Name = "tc", Evidence = "no libbpf" }]);
        CommandResult result = await _fixture.CommandAsync("doctor", "--enable-ebpf");
        Assert.EndsWith(
            "\nothers who filter packets of this host:\n  could not tell: Cilium, Calico: no root\n  could not tell: tc: no libbpf\n",
            result.Output,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("1", ExitCode.Done, "ebpf")]
    [InlineData("0", ExitCode.Done, "iptables")]
    public async Task The_opt_in_may_come_from_the_environment(string value, int exit, string chosen)
    {
        _fixture.Variables["DATAPATH_ENABLE_EBPF"] = value;
        CommandResult result = await DoctorAsync("--json", Call);
        Assert.Equal(exit, result.Exit);
        using JsonDocument json = JsonDocument.Parse(result.Output);
        Assert.Equal(chosen, json.RootElement.GetProperty("chosen").GetString());
    }

    [Fact]
    public async Task Json_has_every_row_and_the_same_bytes_each_time()
    {
        CommandResult first = await DoctorAsync("--enable-ebpf --json", Call, Jit);
        CommandResult second = await DoctorAsync("--enable-ebpf --json", Call, Jit);
        Assert.Equal(first.Output, second.Output);
        using JsonDocument json = JsonDocument.Parse(first.Output);
        JsonElement jit = json.RootElement.GetProperty("requirements")[1];
        Assert.Equal(
            "jit JIT ebpf useful missing",
            string.Join(' ', ((string[])["id", "name", "for", "level", "finding"]).Select(name => jit.GetProperty(name).GetString()))
        );
        Assert.Equal(["found", "missing"], json.RootElement.GetProperty("neighbours").EnumerateArray().Select(one => one.GetProperty("finding").GetString()));
    }

    [Fact]
    public async Task Run_is_refused_with_what_is_missing_and_touches_nothing()
    {
        Requirement set = new("ipset", "ipset", RequirementScope.Iptables, RequirementLevel.Needed, Finding.Missing, "no such program");
        _fixture.Survey = new HostSurvey("6.1.0-test", [Call with { Finding = Finding.Missing, Evidence = "ENOSYS", Remedy = "another kernel" }, set], []);
        CommandResult result = await _fixture.CommandAsync(_fixture.RunArguments);
        Assert.Equal((ExitCode.CouldNot, ""), (result.Exit, result.Output));
        Assert.Equal(
            """
            datapath: eBPF was asked for, but ebpf lacks bpf(2), and iptables lacks ipset
              bpf(2): missing: ENOSYS
                mend: another kernel
              ipset: missing: no such program
            datapath: `datapath doctor --enable-ebpf` shows everything; nothing was changed

            """,
            result.Error
        );
        Assert.Empty(_fixture.Backend.Applied);
        Assert.False(Directory.Exists(_fixture.StateDirectory));
    }

    [Fact]
    public async Task Run_falls_back_to_iptables_where_it_can_and_says_what_ebpf_lacks()
    {
        _fixture.Survey = new HostSurvey("6.1.0-test", [Call with { Finding = Finding.Missing, Evidence = "ENOSYS" }], []);
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal("iptables", (await _fixture.StatusAsync())!.Backend);
        Assert.Empty(_fixture.Backend.Applied);
        Assert.Contains("eBPF was asked for and cannot be: bpf(2): ENOSYS; iptables is used", agent.Log, StringComparison.Ordinal);
    }
}
