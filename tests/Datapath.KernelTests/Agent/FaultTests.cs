using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>The agent killed at any call of the kernel: packets meet the old policy or the new one, and the next start converges.</summary>
/// <remarks>A spread of the calls; with <c>DATAPATH_FAULTS=all</c>, as in <c>./build.sh prove</c>, every single one.</remarks>
public sealed class FaultTests
{
    private static readonly string[] Old = ["up0: 80", "web0: 80"];
    private static readonly string[] New = ["up0: 81", "web0: 81"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData(null)]
    [InlineData("1h")]
    public async Task During_an_apply(string? confirmWithin)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        var faults = new FaultLab(lab);
        int calls = await ApplyUnderFaultAsync(lab, faults, at: 0, confirmWithin);
        foreach (int at in FaultLab.Chosen(confirmWithin is null ? "apply" : "apply --confirm-within", calls))
        {
            await ApplyUnderFaultAsync(lab, faults, at, confirmWithin);
        }
    }

    [KernelFact]
    public async Task During_a_first_start()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        var faults = new FaultLab(lab);
        lab.Serve(Try.Allowed);
        using EchoConnection older = await lab.OpenToWebAsync(80);
        int calls = await StartUnderFaultAsync(lab, faults, older, at: 0);
        foreach (int at in FaultLab.Chosen("first start", calls))
        {
            await StartUnderFaultAsync(lab, faults, older, at);
        }
    }

    [KernelFact]
    public async Task During_an_adoption()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        var faults = new FaultLab(lab);
        await (await faults.StartAsync(at: 0, isCounting: true)).DisposeAsync();
        int calls;
        await using (RunningCommand agent = await faults.StartAsync(at: 0, isCounting: true))
        {
            calls = faults.Count;
        }

        foreach (int at in FaultLab.Chosen("adoption", calls))
        {
            await using (RunningCommand agent = await faults.StartAsync(at, isCounting: true))
            {
                Assert.Equal(Old, faults.Judged());
            }

            Assert.Equal(Old, faults.Judged());
        }

        RunningAgent successor = await lab.StartAsync();
        Assert.Equal("applied", (await successor.Api.StatusAsync(Token)).PolicyState());
        Assert.Equal(4, lab.AtHooks().Length);
    }

    [KernelFact]
    public async Task During_a_purge()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends);
        var faults = new FaultLab(lab);
        int calls = await PurgeUnderFaultAsync(lab, faults, at: 0);
        foreach (int at in FaultLab.Chosen("purge", calls))
        {
            await PurgeUnderFaultAsync(lab, faults, at);
        }
    }

    /// <summary>From the old policy to the new one, killed on the way; then a start, which must end at one of the two.</summary>
    private static async Task<int> ApplyUnderFaultAsync(AgentLab lab, FaultLab faults, int at, string? confirmWithin)
    {
        foreach (string file in Directory.GetFiles(lab.Site.PolicyPath))
        {
            File.Delete(file);
        }

        lab.WritePolicy(AgentPolicies.Friends);
        string next = Path.Combine(lab.Site.WorkPath, "next.yaml");
        await File.WriteAllTextAsync(next, AgentPolicies.Only81, Token);
        int calls;
        await using (RunningCommand agent = await faults.StartAsync(at, isCounting: false))
        {
            Assert.Equal(Old, faults.Judged());
            FaultLab.CountFromNowOn(agent);
            string[] trial = confirmWithin is null ? [] : ["--confirm-within", confirmWithin];
            CommandResult apply = await lab.DatapathAsync(["apply", next, "--socket", lab.Site.SocketPath, .. trial]);
            calls = faults.Count;
            // How many calls it takes differs by a few: one that is killed at the last may have been through.
            Assert.True(at > 0 || apply.ExitCode == 0, apply.StandardError);
            Assert.True(Old.SequenceEqual(faults.Judged()) || New.SequenceEqual(faults.Judged()), $"killed at {at}: {string.Join(", ", faults.Judged())}");
        }

        RunningAgent successor = await lab.StartAsync();
        JsonElement status = await successor.Api.StatusAsync(Token);
        bool isNew = status.GetProperty("lease").ValueKind != JsonValueKind.Null
            || (status.PolicyState() == "applied" && File.Exists(Path.Combine(lab.Site.PolicyPath, "next.yaml")));
        Assert.Equal(isNew ? New : Old, faults.Judged());
        if (status.GetProperty("lease").ValueKind != JsonValueKind.Null)
        {
            Assert.Equal(0, (await lab.DatapathAsync("rollback", "--socket", lab.Site.SocketPath)).ExitCode);
            Assert.Equal(Old, faults.Judged());
        }

        await successor.KillAsync();
        return calls;
    }

    /// <summary>From nothing to a policy, killed on the way; then a start, and a purge. A connection that is older goes on.</summary>
    private static async Task<int> StartUnderFaultAsync(AgentLab lab, FaultLab faults, EchoConnection older, int at)
    {
        int calls;
        await using (RunningCommand agent = await faults.StartAsync(at, isCounting: true))
        {
            calls = faults.Count;
        }

        // What is attached judges by the whole policy.
        Assert.All(faults.Judged(), one => Assert.Contains(one, Old));
        RunningAgent successor = await lab.StartAsync();
        Assert.Equal(Old, faults.Judged());
        Assert.True(await older.EchoesAsync(Token), $"killed at {at}: the connection from before is cut");
        await successor.KillAsync();
        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Empty(faults.Judged());
        return calls;
    }

    private static async Task<int> PurgeUnderFaultAsync(AgentLab lab, FaultLab faults, int at)
    {
        await using (RunningCommand agent = await faults.StartAsync(at: 0, isCounting: false))
        {
            Assert.Equal(Old, faults.Judged());
        }

        await lab.Traces.RecordAsync(Token);
        bool isKilled = await faults.IsKilledAsync(at, "purge", "--instance", lab.Site.Instance);
        // How often it looks until the kernel has let go differs.
        Assert.True(at > 0 || !isKilled, "nobody was to be killed");
        int calls = faults.Count;
        // What is still attached judges by the whole policy.
        Assert.All(faults.Judged(), one => Assert.Contains(one, Old));
        CommandResult purge = await lab.PurgeAsync();
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.Empty(faults.Judged());
        Assert.Empty(await lab.Traces.FindAsync(Token));
        return calls;
    }
}
