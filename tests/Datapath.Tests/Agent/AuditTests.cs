using System.Text.Json;
using Datapath.Agent.Commands;
using Datapath.Agent.Files;
using Datapath.Backends;
using Datapath.Tests.Agent.Support;
using Xunit;

namespace Datapath.Tests.Agent;

/// <summary>What stands in the audit log, and the policy that is written out.</summary>
public sealed class AuditTests : IDisposable
{
    private readonly AgentFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    private string LogPath => Path.Combine(_fixture.StateDirectory, AuditLog.FileName);

    [Fact]
    public async Task Each_order_is_a_line_with_who_gave_it_what_it_changed_and_what_came_of_it()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        await OrderAsync("apply", WriteAside("web.yaml", 82), "--confirm-within", "2m");
        await OrderAsync("rollback");
        await agent.UntilAsync(status => status.Generation == 3);
        await OrderAsync("confirm");
        await OrderAsync("apply", WriteAside("broken.yaml", Policies.Broken));
        string user = Environment.UserName;
        Assert.Equal(
            [
                "apply files 0->1 done |",
                $"apply {user} 1->2 done | rules +1 -1 ~0 (web-80, web-82); units +0 -0",
                $"rollback {user} 2->1 done | rules +1 -1 ~0 (web-80, web-82); units +0 -0",
                $"confirm {user} 3->3 could-not |",
                $"apply {user} 3->3 refused |",
            ],
            // The fake kernel takes the policy that is back as a new one; a real one finds it in force.
            Lines().Where((line, index) => index == 0 || line.GetProperty("by").GetProperty("kind").GetString() != "files").Select(line => Text(line, withFirst: false))
        );
        JsonElement apply = Lines()[1];
        Assert.Equal(Environment.ProcessId, apply.GetProperty("by").GetProperty("process").GetInt32());
        Assert.Contains("web.yaml: generation 2 is in force for 120 s", apply.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(Lines()[0].GetProperty("policy").GetString(), Lines()[2].GetProperty("policy").GetString());
        Assert.NotEqual(Lines()[1].GetProperty("policy").GetString(), Lines()[2].GetProperty("policy").GetString());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(LogPath));
    }

    [Fact]
    public async Task What_nobody_orders_is_there_too_and_what_is_there_is_never_touched()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using (RunningAgent agent = await _fixture.StartAsync())
        {
            string first = File.ReadAllText(LogPath);
            _fixture.Write("a.yaml", Policies.Allowing(81));
            await agent.UntilAsync(status => status.Generation == 2);
            _fixture.Write("a.yaml", Policies.Broken);
            await agent.UntilAsync(status => status.Policy.State == "refused");
            Assert.StartsWith(first, File.ReadAllText(LogPath), StringComparison.Ordinal);
        }

        string before = File.ReadAllText(LogPath);
        Assert.Equal(3, Lines().Length);
        Assert.Equal("apply files 1->2 done | rules +1 -1 ~0 (web-80, web-81); units +0 -0", Text(Lines()[1], withFirst: true));
        Assert.StartsWith("apply files 2->2 refused", Text(Lines()[2], withFirst: true), StringComparison.Ordinal);
        Assert.Contains("a.yaml:", Lines()[2].GetProperty("message").GetString(), StringComparison.Ordinal);

        // A successor goes on where the first one ended.
        await using RunningAgent second = await _fixture.StartAsync();
        Assert.StartsWith(before, File.ReadAllText(LogPath), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Time_that_runs_out_is_a_change_by_the_lease()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        await using RunningAgent agent = await _fixture.StartAsync();
        await OrderAsync("apply", WriteAside("web.yaml", 82), "--confirm-within", "2m");
        _fixture.Backend.Lease = new PendingLease(LeaseKind.Confirm, TimeSpan.Zero);
        _fixture.ChangeHost(AgentFixture.Snapshot("192.0.2.9"));
        await agent.UntilAsync(status => status.RolledBack is not null);
        Assert.Contains("rollback lease 2->1 done | rules +1 -1 ~0 (web-80, web-82); units +0 -0", Lines().Select(line => Text(line, withFirst: true)));
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_keeps_no_policy_from_being_enforced()
    {
        _fixture.Write("a.yaml", Policies.Allowing(80));
        Directory.CreateDirectory(LogPath);
        await using RunningAgent agent = await _fixture.StartAsync();
        Assert.Equal(ExitCode.Done, (await OrderAsync("apply", WriteAside("web.yaml", 82))).Exit);
        Assert.Contains("event=1140", agent.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_active_and_the_confirmed_policy_are_written_out_as_they_were_given()
    {
        string original = File.ReadAllText(_fixture.Write("a.yaml", Policies.Allowing(80)));
        await using RunningAgent agent = await _fixture.StartAsync();
        string trial = WriteAside("web.yaml", 82);
        await OrderAsync("apply", trial, "--confirm-within", "2m");

        Assert.Contains(File.ReadAllText(trial), (await ExportAsync()).Output, StringComparison.Ordinal);
        CommandResult confirmed = await ExportAsync("--confirmed");
        Assert.Contains($"---\n# a.yaml\n{original}", confirmed.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("web-82", confirmed.Output, StringComparison.Ordinal);
        Assert.Contains("\"which\": \"confirmed\"", (await ExportAsync("--confirmed", "--json")).Output, StringComparison.Ordinal);

        // What comes out can go in again.
        string into = Path.Combine(_fixture.Root, "out");
        CommandResult written = await ExportAsync("--into", into);
        Assert.Equal((0, Path.Combine(into, "web.yaml") + "\n"), (written.Exit, written.Output));
        Assert.Equal(File.ReadAllText(trial), File.ReadAllText(Path.Combine(into, "web.yaml")));
        string whole = Path.Combine(_fixture.Root, "whole.yaml");
        await File.WriteAllTextAsync(whole, confirmed.Output, TestContext.Current.CancellationToken);
        Assert.Equal(ExitCode.Done, (await _fixture.CommandAsync("check", whole)).Exit);
    }

    [Fact]
    public async Task Without_an_agent_nothing_can_be_written_out() => Assert.Equal(ExitCode.CouldNot, (await ExportAsync()).Exit);

    private JsonElement[] Lines() => [.. File.ReadAllLines(LogPath).Select(line => JsonDocument.Parse(line).RootElement)];

    private static string Text(JsonElement line, bool withFirst)
    {
        JsonElement by = line.GetProperty("by");
        string who = by.TryGetProperty("userName", out JsonElement name) ? name.GetString()! : by.GetProperty("kind").GetString()!;
        string summary = line.GetProperty("generationBefore").GetUInt32() == 0 && !withFirst ? "" : line.GetProperty("summary").GetString()!;
        return $"{line.GetProperty("change")} {who} {line.GetProperty("generationBefore")}->{line.GetProperty("generation")} {line.GetProperty("result")} | {summary}".TrimEnd();
    }

    private Task<CommandResult> OrderAsync(params string[] order) => _fixture.CommandAsync([.. order, "--socket", _fixture.SocketPath]);

    private Task<CommandResult> ExportAsync(params string[] more) => _fixture.CommandAsync(["policy", "export", .. more, "--socket", _fixture.SocketPath]);

    private string WriteAside(string name, int port) => WriteAside(name, Policies.Allowing(port));

    private string WriteAside(string name, string text)
    {
        string path = Path.Combine(_fixture.Root, name);
        File.WriteAllText(path, text);
        return path;
    }
}
