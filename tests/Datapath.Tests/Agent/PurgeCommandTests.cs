using System.Text.Json;
using Datapath.Agent;
using Datapath.Agent.Commands;
using Datapath.Backends;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class PurgeCommandTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    private Task<CommandResult> PurgeAsync(params string[] more) => _fixture.CommandAsync(["purge", .. more]);

    [Fact]
    public async Task Says_what_it_removed_and_the_second_time_that_there_is_nothing()
    {
        _fixture.Backend.Objects = ["program dp_ingress", "map dp_rows"];
        CommandResult first = await PurgeAsync();
        Assert.Equal(ExitCode.Done, first.Exit);
        Assert.Equal("default: removed program dp_ingress\ndefault: removed map dp_rows\n", first.Output);
        CommandResult second = await PurgeAsync();
        Assert.Equal(ExitCode.Done, second.Exit);
        Assert.Equal("nothing to remove\n", second.Output);
        Assert.True(_fixture.Backend.IsDisposed);
    }

    [Fact]
    public async Task A_dry_run_removes_nothing()
    {
        _fixture.Backend.Objects = ["map dp_rows"];
        CommandResult result = await PurgeAsync("--dry-run");
        Assert.Equal(ExitCode.Done, result.Exit);
        Assert.Equal("default: would remove map dp_rows\n", result.Output);
        Assert.Equal(["map dp_rows"], _fixture.Backend.Objects);
    }

    [Fact]
    public async Task What_remains_is_listed_and_is_exit_1()
    {
        _fixture.Backend.Objects = ["map dp_rows", "link 7"];
        _fixture.Backend.Stuck = ["link 7"];
        CommandResult result = await PurgeAsync("--json");
        Assert.Equal(ExitCode.No, result.Exit);
        using JsonDocument json = JsonDocument.Parse(result.Output);
        JsonElement instance = json.RootElement.GetProperty("instances")[0];
        Assert.Equal("link 7", instance.GetProperty("remaining")[0].GetString());
        Assert.Equal("datapath: of instance 'default' remain 1\n", result.Error);
    }

    [Fact]
    public async Task All_takes_every_instance_that_the_kernel_knows()
    {
        _fixture.Instances = [InstanceName.Parse("a")!, InstanceName.Parse("b")!];
        _fixture.Backend.Objects = _fixture.Backend.Stuck = ["x"];
        CommandResult result = await PurgeAsync("--all", "--dry-run");
        Assert.Equal("a: would remove x\nb: would remove x\n", result.Output);
    }

    [Fact]
    public async Task Thousands_of_chains_are_a_line_to_a_person_and_each_has_its_own_to_a_program()
    {
        string[] chains = [.. Enumerable.Range(1000, 4000).Select(number => $"iptables-nft chain dp.{number}")];
        _fixture.Iptables.Objects = ["iptables-nft jump of PREROUTING", .. chains, "set dp.4"];
        CommandResult people = await PurgeAsync("--dry-run");
        Assert.Equal(
            "default: would remove iptables-nft jump of PREROUTING\ndefault: would remove iptables-nft chain dp.1000 and 3999 more, the last dp.4999\ndefault: would remove set dp.4\n",
            people.Output
        );
        CommandResult programs = await PurgeAsync("--dry-run", "--json");
        Assert.All(chains, chain => Assert.Contains($"\"{chain}\"", programs.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_one_backend_refuses_keeps_nobody_from_the_other()
    {
        _fixture.Backend.RemovalRefusal = new BackendException("list programs: Operation not permitted");
        _fixture.Iptables.Objects = ["chain dp-in"];
        CommandResult result = await PurgeAsync();
        Assert.Equal(ExitCode.CouldNot, result.Exit);
        Assert.Equal("default: removed chain dp-in\n", result.Output);
        Assert.Equal("datapath: list programs: Operation not permitted\n", result.Error);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Where_eBPF_is_refused_pins_are_seen_all_the_same(bool arePinned)
    {
        _fixture.EbpfObstacle = "bpf(2): Operation not permitted";
        string pins = Path.Combine(_fixture.BpfFileSystem, "datapath", "default");
        if (arePinned)
        {
            Directory.CreateDirectory(pins);
        }

        CommandResult result = await PurgeAsync();
        Assert.Equal(arePinned ? ExitCode.CouldNot : ExitCode.Done, result.Exit);
        Assert.Equal(arePinned, result.Error.Contains($"{pins} holds what eBPF has of instance 'default'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Refuses_while_the_agent_runs_unless_forced()
    {
        _fixture.Backend.Objects = ["map dp_rows"];
        await using (await _fixture.StartAsync())
        {
            CommandResult refused = await PurgeAsync();
            Assert.Equal(ExitCode.CouldNot, refused.Exit);
            Assert.Contains("is running", refused.Error, StringComparison.Ordinal);
            Assert.Equal(ExitCode.CouldNot, (await PurgeAsync("--all")).Exit);
            Assert.Equal(["map dp_rows"], _fixture.Backend.Objects);
            Assert.Equal(ExitCode.Done, (await PurgeAsync("--force")).Exit);
        }

        Assert.Equal(ExitCode.Done, (await PurgeAsync()).Exit);
    }
}
