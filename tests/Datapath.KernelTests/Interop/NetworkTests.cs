using System.Net;
using System.Net.Sockets;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Xunit;

namespace Datapath.KernelTests.Interop;

/// <summary>Interfaces, addresses and namespaces of the kernel itself.</summary>
public sealed class NetworkTests
{
    [KernelFact]
    public void A_veth_pair_is_seen_from_inside_with_both_its_ends()
    {
        using var lab = new VethLab();
        lab.Run(() =>
        {
            NetworkLink[] links = [.. Rtnetlink.Links()];
            Assert.Equal(["dpi0", "dpi1", "lo"], links.Select(link => link.Name).Order());
            NetworkLink first = links.Single(link => link.Name == "dpi0");
            NetworkLink second = links.Single(link => link.Name == "dpi1");
            Assert.Equal(("veth", second.Index, null), (first.Kind, first.PeerIndex, first.PeerNamespaceId));
            Assert.True(first.Flags.HasFlag(LinkFlags.Up));
            Assert.Equal(17, first.HardwareAddress.Length);
            Assert.Equal(1500, first.MaximumTransmissionUnit);
        });
    }

    [KernelFact]
    public void A_peer_in_another_namespace_and_a_bridge_above_are_seen()
    {
        using var lab = new VethLab();
        using var other = new VethLab();
        CommandRunner.Run("ip", "-n", lab.Name, "link", "set", "dpi1", "name", "dpi9");
        CommandRunner.Run("ip", "-n", lab.Name, "link", "set", "dpi9", "netns", other.Name);
        CommandRunner.Run("ip", "-n", lab.Name, "link", "add", "br0", "type", "bridge");
        CommandRunner.Run("ip", "-n", lab.Name, "link", "set", "dpi0", "master", "br0");
        lab.Run(() =>
        {
            NetworkLink[] links = [.. Rtnetlink.Links()];
            NetworkLink bridge = Assert.Single(links, link => link.Kind == "bridge");
            NetworkLink end = Assert.Single(links, link => link.Name == "dpi0");
            Assert.Equal(bridge.Index, end.MasterIndex);
            Assert.NotNull(end.PeerNamespaceId);
        });
    }

    [KernelFact]
    public void Addresses_of_both_families_are_listed()
    {
        using var lab = new VethLab();
        CommandRunner.Run("ip", "-n", lab.Name, "address", "add", "192.0.2.1/24", "dev", "dpi0");
        CommandRunner.Run("ip", "-n", lab.Name, "address", "add", "2001:db8::1/64", "dev", "dpi0", "nodad");
        lab.Run(() =>
        {
            InterfaceAddress[] addresses = [.. Rtnetlink.Addresses()];
            Assert.Contains(new InterfaceAddress(lab.InterfaceIndex, IPAddress.Parse("192.0.2.1"), 24, 0), addresses);
            Assert.Contains(new InterfaceAddress(lab.InterfaceIndex, IPAddress.Parse("2001:db8::1"), 64, 0), addresses);
        });
    }

    [KernelFact]
    public async Task A_monitor_hears_of_what_changes_in_its_own_namespace()
    {
        using var lab = new VethLab();
        using RtnetlinkMonitor monitor = lab.Run(() => new RtnetlinkMonitor());
        CommandRunner.Run("ip", "-n", lab.Name, "address", "add", "192.0.2.7/24", "dev", "dpi0");
        CommandRunner.Run("ip", "-n", lab.Name, "link", "delete", "dpi0");
        var seen = new List<NetworkChange>();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        await foreach (NetworkChange change in monitor.ChangesAsync(limit.Token))
        {
            seen.Add(change);
            if (change.Kind == NetworkChangeKind.LinkRemoved && change.Link!.Name == "dpi0")
            {
                break;
            }
        }

        Assert.Contains(seen, change => change.Kind == NetworkChangeKind.AddressAdded && change.Address!.Address.Equals(IPAddress.Parse("192.0.2.7")));
        Assert.Contains(seen, change => change.Kind == NetworkChangeKind.AddressRemoved);
        Assert.DoesNotContain(seen, change => change.Kind == NetworkChangeKind.Lost);
    }

    [KernelFact]
    public async Task A_monitor_that_is_too_slow_says_that_it_lost_something()
    {
        using var lab = new VethLab();
        using RtnetlinkMonitor monitor = lab.Run(() => new RtnetlinkMonitor(receiveBufferBytes: 4096));
        string batch = string.Concat(Enumerable.Range(1, 200).Select(i => $"address add 198.51.100.{i}/32 dev dpi0\n"));
        await CommandRunner.RunAsync("ip", ["-n", lab.Name, "-batch", "-"], batch, cancellation: TestContext.Current.CancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        await foreach (NetworkChange change in monitor.ChangesAsync(limit.Token))
        {
            if (change.Kind == NetworkChangeKind.Lost)
            {
                return;
            }
        }
    }

    [KernelFact]
    public void What_is_thrown_in_a_namespace_arrives_and_the_caller_stays_where_it_was()
    {
        using var lab = new VethLab();
        ulong outside = NetworkNamespace.CurrentCookie();
        ulong inside = lab.Run(NetworkNamespace.CurrentCookie);
        Assert.NotEqual(outside, inside);
        Assert.Throws<InvalidDataException>(() => lab.Run(() => throw new InvalidDataException()));
        Assert.Equal(outside, NetworkNamespace.CurrentCookie());
    }

    [KernelFact]
    public void A_namespace_that_is_not_there_says_its_path()
    {
        KernelException refusal = Assert.Throws<KernelException>(() => NetworkNamespace.OpenNamed("dpi-none"));
        Assert.Equal(("ENOENT", "/run/netns/dpi-none"), (refusal.Symbol, refusal.Subject));
    }

    [KernelFact]
    public void Root_has_the_capabilities_it_needs()
    {
        Assert.Equal(0u, Credentials.EffectiveUser);
        Assert.True(Credentials.Has(Capability.NetworkAdministration));
        Assert.True(Credentials.Has(Capability.Bpf));
    }

    [KernelFact]
    public void A_grace_period_ends() => GracePeriod.Wait();

    [KernelFact]
    public void A_grace_period_ends_without_membarrier_and_leaves_no_map()
    {
        GracePeriod.WaitByMapOfMaps();
        // The kernel frees maps in the background.
        Assert.True(
            SpinWait.SpinUntil(() => !KernelObjects.Maps().Any(map => map.Name.StartsWith("dp_wait_", StringComparison.Ordinal)), TimeSpan.FromSeconds(5)),
            "the maps are still there");
    }

    [KernelFact]
    public void This_kernel_can_do_what_the_other_tests_use()
    {
        Assert.Equal(FeatureAnswer.Yes, KernelFeatures.Bpf().Answer);
        Assert.Equal(FeatureAnswer.Yes, KernelFeatures.Map(BpfMapType.RingBuffer).Answer);
        FeatureAnswer tcx = KernelVersion.Running >= new KernelVersion(6, 6, 0) ? FeatureAnswer.Yes : FeatureAnswer.No;
        Assert.Equal(tcx, KernelFeatures.Tcx().Answer);
        Assert.All(KernelFeatures.ProbeAll(), feature => Assert.NotEqual("", feature.Reason));
    }

    [Fact]
    public async Task The_other_end_of_a_unix_socket_is_known()
    {
        string path = Path.Combine(Path.GetTempPath(), $"dpi-{Environment.ProcessId}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await client.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
            using Socket accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
            PeerCredentials peer = Credentials.Peer(accepted);
            Assert.Equal((Environment.ProcessId, Credentials.EffectiveUser), (peer.ProcessId, peer.User));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
