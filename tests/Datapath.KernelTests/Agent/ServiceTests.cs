using System.Net.Sockets;
using System.Text;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Agent;

public sealed class ServiceTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Ready_means_that_packets_are_judged_and_reload_that_they_are_judged_anew(bool enableEbpf)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Friends, enableEbpf: enableEbpf);
        using Socket systemd = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        string name = Path.Combine(lab.Site.WorkPath, "notify");
        systemd.Bind(new UnixDomainSocketEndPoint(name));
        string configuration = Path.Combine(lab.Site.WorkPath, "agent.conf");
        await File.WriteAllTextAsync(configuration, "DATAPATH_LOG_FORMAT=json\n", TestContext.Current.CancellationToken);
        lab.Serve(Try.UnderFriends);

        await using var agent = RunningCommand.Start(
            "env",
            [$"NOTIFY_SOCKET={name}", "WATCHDOG_USEC=900000", "nsenter", $"--net={lab.Router.NamespacePath}", lab.Site.Executable, .. lab.Site.RunArguments, "--config", configuration]
        );
        try
        {
            Assert.StartsWith("READY=1\nSTATUS=", await NextAsync(systemd, "READY"), StringComparison.Ordinal);
            // No waiting in between: this is what ready promises.
            var under = await lab.TryAsync(Try.UnderFriends);
            Assert.Equal(under.Expected, under.Observed);
            Assert.All(agent.Output.Where(line => line.Contains("event", StringComparison.Ordinal)), line => Assert.StartsWith("{\"time\":", line, StringComparison.Ordinal));
            Assert.Equal("WATCHDOG=1", await NextAsync(systemd, "WATCHDOG"));

            // The failsafe port, which the configuration takes away; the files stay as they are.
            Try failsafe = Try.UnderFriends.Single(one => one is { From: "stranger", IsAllowed: true });
            await File.WriteAllTextAsync(configuration, "DATAPATH_LOG_FORMAT=json\nDATAPATH_FAILSAFE=none\n", TestContext.Current.CancellationToken);
            CommandRunner.Run("kill", "-HUP", $"{agent.Id}");
            await NextAsync(systemd, "RELOADING=1\nMONOTONIC_USEC=");
            await NextAsync(systemd, "READY");
            var anew = await lab.TryAsync([failsafe with { IsAllowed = false }]);
            Assert.Equal(anew.Expected, anew.Observed);

            CommandRunner.Run("kill", "-TERM", $"{agent.Id}");
            await NextAsync(systemd, "STOPPING");
            Assert.Equal(0, await agent.WaitAsync(TestContext.Current.CancellationToken));
        }
        finally
        {
            await agent.KillAsync();
        }
    }

    private static async Task<string> NextAsync(Socket systemd, string beginning)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        byte[] buffer = new byte[4096];
        while (true)
        {
            string message = Encoding.UTF8.GetString(buffer, 0, await systemd.ReceiveAsync(buffer, SocketFlags.None, patience.Token));
            if (message.StartsWith(beginning, StringComparison.Ordinal))
            {
                return message;
            }
        }
    }
}
