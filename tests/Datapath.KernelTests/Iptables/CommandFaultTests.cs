using System.Collections.Immutable;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>
/// The agent killed between every two of the programs that it runs (iptables-restore, ipset, …): in each family and at each hook packets meet the old
/// policy or the new one, and the next start converges.
/// </summary>
/// <remarks>A spread of the places; with <c>DATAPATH_FAULTS=all</c>, as in <c>./build.sh prove</c>, every single one.</remarks>
public sealed class CommandFaultTests
{
    private const string Old = "80";
    private const string New = "81";
    private const string Open = "80 81";

    private static readonly string OldPolicy = AgentPolicies.Allowing("udp/80, udp/90");
    private static readonly string NewPolicy = AgentPolicies.Allowing("udp/81, udp/90");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(Judge.Nft, null)]
    [InlineData(Judge.Legacy, null)]
    [InlineData(Judge.Nft, "1h")]
    public async Task During_an_apply(string judge, string? confirmWithin)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, OldPolicy);
        var faults = new CommandFaults(lab);
        int commands = await ApplyAsync(lab, faults, at: 0, confirmWithin);
        foreach (int at in CommandFaults.Chosen($"apply, {judge}{(confirmWithin is null ? "" : ", on trial")}", commands))
        {
            await ApplyAsync(lab, faults, at, confirmWithin);
        }

        Assert.NotEqual(0, faults.Killed);
    }

    [KernelTheory]
    [InlineData(Judge.Nft)]
    [InlineData(Judge.Legacy)]
    public async Task During_a_start_with_a_policy_that_was_changed_meanwhile(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, OldPolicy);
        var faults = new CommandFaults(lab);
        int commands = await RestartAsync(lab, faults, at: 0);
        foreach (int at in CommandFaults.Chosen($"start, {judge}", commands))
        {
            await RestartAsync(lab, faults, at);
        }

        Assert.NotEqual(0, faults.Killed);
    }

    [KernelTheory]
    [InlineData(Judge.Nft)]
    [InlineData(Judge.Legacy)]
    public async Task During_a_purge(string judge)
    {
        await using AgentLab lab = await Judge.CreateLabAsync(judge, OldPolicy);
        var faults = new CommandFaults(lab);
        int commands = await PurgeAsync(lab, faults, at: 0);
        foreach (int at in CommandFaults.Chosen($"purge, {judge}", commands))
        {
            await PurgeAsync(lab, faults, at);
        }
    }

    private static async Task<int> ApplyAsync(AgentLab lab, CommandFaults faults, int at, string? confirmWithin)
    {
        BeginWithOld(lab);
        string next = Path.Combine(lab.Site.WorkPath, "next.yaml");
        await File.WriteAllTextAsync(next, NewPolicy, Token);
        int commands;
        await using (RunningCommand agent = await faults.StartAsync())
        {
            await AssertJudgedAsync(faults, at, Old);
            faults.Arm(at);
            string[] trial = confirmWithin is null ? [] : ["--confirm-within", confirmWithin];
            CommandResult apply = await lab.DatapathAsync(["apply", next, "--socket", lab.Site.SocketPath, .. trial]);
            commands = faults.Count;
            Assert.True(at > 0 || apply.ExitCode == 0, apply.StandardError);
            if (at > 0)
            {
                // What counts is what a dead agent leaves. One that was through before it had run so many programs is killed now.
                await faults.EndAsync(agent, at);
            }

            await AssertJudgedAsync(faults, at, Old, New);
        }

        faults.Disarm();
        await ConvergeAsync(lab, faults, at);
        return commands;
    }

    private static async Task<int> RestartAsync(AgentLab lab, CommandFaults faults, int at)
    {
        BeginWithOld(lab);
        await (await faults.StartAsync()).DisposeAsync();
        lab.WritePolicy(NewPolicy);
        faults.Arm(at);
        int commands;
        await using (RunningCommand agent = await faults.StartAsync())
        {
            commands = faults.Count;
            Assert.False(at == 0 && agent.HasExited);
            if (at > 0)
            {
                await faults.EndAsync(agent, at);
            }

            await AssertJudgedAsync(faults, at, at == 0 ? [New] : [Old, New]);
        }

        faults.Disarm();
        await ConvergeAsync(lab, faults, at);
        return commands;
    }

    private static async Task<int> PurgeAsync(AgentLab lab, CommandFaults faults, int at)
    {
        BeginWithOld(lab);
        await (await faults.StartAsync()).DisposeAsync();
        await AssertJudgedAsync(faults, at, Old);
        Assert.NotEqual(0, RuleListing.MarkedConnections(lab));
        faults.Arm(at);
        await faults.RunAsync("purge", "--instance", lab.Site.Instance);
        int commands = faults.Count;
        // What is not taken away yet judges by the whole policy.
        await AssertJudgedAsync(faults, at, at == 0 ? [Open] : [Old, Open]);
        faults.Disarm();
        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Empty(RuleListing.Ours(lab, "nft"));
        Assert.Empty(RuleListing.Ours(lab, "legacy"));
        Assert.Empty(RuleListing.Sets(lab));
        Assert.Equal(0, RuleListing.MarkedConnections(lab));
        return commands;
    }

    // One file, so that a new policy is one truth.
    private static void BeginWithOld(AgentLab lab)
    {
        foreach (string file in Directory.GetFiles(lab.Site.PolicyPath))
        {
            File.Delete(file);
        }

        lab.WritePolicy(OldPolicy);
    }

    /// <summary>The next start ends at one of the two policies, everywhere, and leaves nothing of the other but what a trial goes back to.</summary>
    private static async Task ConvergeAsync(AgentLab lab, CommandFaults faults, int at)
    {
        RunningAgent successor = await lab.StartAsync();
        JsonElement status = await successor.StatusUntilAsync(now => now.PolicyState() is "applied" or "rolled-back");
        ImmutableArray<string> judged = await faults.JudgedAsync();
        Assert.True(judged.All(one => one.EndsWith($": {Old}", StringComparison.Ordinal)) || judged.All(one => one.EndsWith($": {New}", StringComparison.Ordinal)), $"killed at {at}: {string.Join(", ", judged)}");
        if (IsOnTrial(status))
        {
            Assert.Equal(0, (await lab.DatapathAsync("rollback", "--socket", lab.Site.SocketPath)).ExitCode);
            await AssertJudgedAsync(faults, at, Old);
        }

        uint generation = (await successor.Api.StatusAsync(Token)).Generation();
        string[] sets = [.. RuleListing.Sets(lab)];
        Assert.True(
            sets.Length == 2 && sets.All(set => set.Contains($".{generation:x}.", StringComparison.Ordinal)),
            $"killed at {at}: generation {generation:x} judges, and there are {string.Join(' ', sets)}\n{string.Join('\n', successor.Output)}"
        );
        await successor.KillAsync();
    }

    private static bool IsOnTrial(JsonElement status) => status.GetProperty("lease").ValueKind != JsonValueKind.Null;

    private static async Task AssertJudgedAsync(CommandFaults faults, int at, params string[] allowed)
    {
        ImmutableArray<string> judged = await faults.JudgedAsync();
        Assert.All(judged, one => Assert.True(allowed.Contains(one.Split(": ")[1]), $"killed at {at}: {string.Join(", ", judged)}"));
    }
}
