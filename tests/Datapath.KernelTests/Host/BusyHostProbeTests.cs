using System.Net;
using System.Net.Sockets;
using Datapath.Backends.Host;
using Datapath.Backends.Probing;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Policy.Inventory;
using Xunit;

namespace Datapath.KernelTests.Host;

/// <summary>Who probes on a host sees all packets of the host, and on a busy one there is no moment without any.</summary>
public sealed class BusyHostProbeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [KernelFact]
    public async Task A_probe_ends_where_packets_never_do()
    {
        using var lab = new VethLab();
        lab.Run(() =>
        {
            CommandRunner.Run("ip", "link", "set", "lo", "up");
            CommandRunner.Run("ip", "address", "add", "10.1.0.1/24", "dev", "dpi0");
        });
        using UdpClient sender = lab.Run(() => new UdpClient(AddressFamily.InterNetwork));
        using var stop = new CancellationTokenSource();
        Task busy = SendAsync(sender, stop.Token);
        try
        {
            Task<ProbeReport> probe = Task.Run(() =>
                lab.Run(() => UnitProber.Probe(new Attachment(AttachmentKind.Host, ""), HostObserver.Read(), new IPEndPoint(IPAddress.Parse("10.1.0.2"), 80), TimeSpan.FromMilliseconds(100), []))
            );
            Assert.Equal(ProbeOutcome.Silent, (await probe.WaitAsync(Patience, TestContext.Current.CancellationToken)).Outcome);
        }
        finally
        {
            await stop.CancelAsync();
            await busy;
        }
    }

    private static async Task SendAsync(UdpClient sender, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await sender.SendAsync(new byte[1], new IPEndPoint(IPAddress.Loopback, 9), CancellationToken.None);
            await Task.Delay(1, CancellationToken.None);
        }
    }
}
