using System.Text.RegularExpressions;
using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>Which bits of marks the rules use, where others need those that we would take.</summary>
public sealed class MarkBitsTests
{
    private const uint PacketBits = 0x0000_0ff0;
    private const uint ConnectionBits = 0x0000_0007;
    private const uint Revoked = 0x0000_0002;
    private const uint BitsOfOthers = 0x7000_0000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelFact]
    public async Task Rules_connections_keeper_and_purge_use_the_bits_that_were_given_and_no_others()
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: false);
        lab.Serve(Try.Allowed, Try.Denied);
        // Somebody else's mark, on every connection, in the bits that are ours by default.
        lab.OnRouter("iptables-nft", "-t", "mangle", "-A", "PREROUTING", "-j", "CONNMARK", "--set-xmark", "0x70000000/0x70000000");
        string[] bits = ["--packet-mark-mask", "0xff0", "--connection-mark-bits", "0x7"];
        RunningAgent agent = await lab.StartAsync(bits);
        var under = await lab.TryAsync(Try.Allowed, Try.Denied);
        Assert.Equal(under.Expected, under.Observed);
        using EchoConnection established = await lab.OpenToWebAsync(80);
        Assert.True(await established.EchoesAsync(Token));
        string[] rules = RuleListing.Ours(lab, "nft");
        Assert.All(MasksOf(rules, "MARK --set-xmark|-m mark --mark"), mask => Assert.Equal(0u, mask & ~PacketBits));
        Assert.All(MasksOf(rules, "CONNMARK --set-xmark|-m connmark ! --mark|-m connmark --mark"), mask => Assert.Equal(0u, mask & ~ConnectionBits));

        // Whom the policy on trial cuts gets the bit back from the keeper.
        string aside = Path.Combine(lab.Site.WorkPath, "aside.yaml");
        await File.WriteAllTextAsync(aside, AgentPolicies.Only81, Token);
        CommandResult apply = await lab.DatapathAsync("apply", aside, "--confirm-within", "8s", "--socket", lab.Site.SocketPath);
        Assert.Equal((0, ""), (apply.ExitCode, apply.StandardError));
        await UntilAsync(() => Marks(lab).Any(mark => (mark & ConnectionBits) == Revoked));
        await agent.KillAsync();
        await UntilAsync(() => Marks(lab).All(mark => (mark & ConnectionBits) != Revoked));
        Assert.True(await established.EchoesAsync(Token), "the connection was not given back");

        CommandResult purge = await lab.PurgeAsync(bits[2..]);
        Assert.Equal((0, ""), (purge.ExitCode, purge.StandardError));
        Assert.All(Marks(lab), mark => Assert.Equal(BitsOfOthers, mark));
        Assert.NotEmpty(Marks(lab));
    }

    private static uint[] Marks(AgentLab lab) => lab.Router.Run(() => Conntrack.Read().Where(entry => entry.Mark != 0).Select(entry => entry.Mark).ToArray());

    private static uint[] MasksOf(string[] rules, string matches)
    {
        var form = new Regex($" ({matches}) 0x[0-9a-f]+/0x(?<mask>[0-9a-f]+)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        uint[] masks = [.. rules.SelectMany(rule => form.Matches(rule)).Select(match => Convert.ToUInt32(match.Groups["mask"].Value, 16))];
        Assert.NotEmpty(masks);
        return masks;
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(40), "it did not come to pass");
            await Task.Delay(100, Token);
        }
    }
}
