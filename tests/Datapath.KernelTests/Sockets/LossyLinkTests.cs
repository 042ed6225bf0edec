using System.Net.Sockets;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Sockets;

/// <summary>What TCP says beside its data: acknowledgments of parts, which carry options that a filter must neither drop nor misread.</summary>
public sealed class LossyLinkTests
{
    private const int TransferBytes = 4_000_000;
    private const ushort Port = 80;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [KernelTheory]
    [InlineData("router", AddressFamily.InterNetwork, true)]
    [InlineData("router", AddressFamily.InterNetworkV6, false)]
    [InlineData("web", AddressFamily.InterNetwork, false)]
    [InlineData("web", AddressFamily.InterNetworkV6, true)]
    public async Task A_transfer_that_loses_segments_is_repaired_by_selective_acknowledgments(string unit, AddressFamily family, bool toUnit)
    {
        await using AgentLab lab = await AgentLab.CreateAsync(AgentPolicies.Between($"tcp/{Port}", outgoing: null));
        await lab.StartAsync();
        using LiveFlow flow = await LiveFlow.OpenAsync("tcp", lab.EndOf("client"), lab.EndOf(unit), family, Port, Patience);
        (Socket from, Socket to) = toUnit ? (flow.Opener, flow.Responder) : (flow.Responder, flow.Opener);
        (LabHost sender, LabHost receiver) = toUnit ? (lab.Client, lab.EndOf(unit).Host) : (lab.EndOf(unit).Host, lab.Client);
        LoseOneInTwenty(receiver, family);
        long before = SackRecoveries(sender);
        await TransferAsync(from, to);
        Assert.True(TcpInfo.Of(from) is { HasSelectiveAcknowledgment: true, HasTimestamps: true, TotalRetransmitted: > 0 }, $"{TcpInfo.Of(from)}");
        Assert.True(SackRecoveries(sender) > before, "nothing was repaired by SACK");
    }

    /// <summary>Behind the judges, so that nobody can mistake it for a verdict.</summary>
    private static void LoseOneInTwenty(LabHost receiver, AddressFamily family) =>
        CommandRunner.Run(
            "nsenter",
            $"--net={receiver.NamespacePath}", family == AddressFamily.InterNetwork ? "iptables" : "ip6tables",
            "-A", "INPUT", "-p", "tcp", "-m", "length", "--length", "500:65535", "-m", "statistic", "--mode", "nth", "--every", "20", "--packet", "7", "-j", "DROP"
        );

    private static async Task TransferAsync(Socket from, Socket to)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Token);
        deadline.CancelAfter(Patience);
        Task<int> sending = from.SendAsync(new byte[TransferBytes], deadline.Token).AsTask();
        var buffer = new byte[TransferBytes];
        for (int received = 0; received < TransferBytes;)
        {
            int count = await to.ReceiveAsync(buffer, deadline.Token);
            Assert.NotEqual(0, count);
            received += count;
        }

        Assert.Equal(TransferBytes, await sending);
    }

    /// <summary>How often a host's TCP found out by SACK what was missing.</summary>
    private static long SackRecoveries(LabHost host) =>
        host.Run(() =>
        {
            string[][] lines = [.. File.ReadLines("/proc/thread-self/net/netstat").Where(line => line.StartsWith("TcpExt:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
            return long.Parse(lines[1][Array.IndexOf(lines[0], "TCPSackRecovery")]);
        });
}
