using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Host;
using Datapath.Lab.Networks;
using Datapath.Policy.Inventory;

namespace Datapath.Bench.Packets;

/// <summary>What the hook at connect(2) costs a connection that may pass: processes of a cgroup that has it beside those of one that has not.</summary>
internal static class ConnectBench
{
    private const int Prefixes = 100_000;

    // Many short rounds, of which the quickest tenth counts: most of what a connection takes is not the hook's, and varies by more than the hook takes.
    private const int Rounds = 300;
    private const int Quickest = Rounds / 10;
    private const int Times = 64;

    /// <summary>Prints the comparison.</summary>
    public static async Task RunAsync()
    {
        string name = LabNetwork.PrefixFor("dpconn");
        await using var network = new LabNetwork(name);
        LabHost host = await network.AddHostAsync("host");
        await LabNetwork.ConnectAsync(host, "up0", await network.AddHostAsync("peer"), "down0");
        await host.AddAddressAsync("up0", new AddressKey(false, PacketPolicy.Host).ToAddress(), 32);
        await host.IpAsync("route", "add", "default", "dev", "up0");
        CgroupTree tree = CgroupTree.Find() ?? throw new InvalidOperationException("no cgroup2 file system is mounted");
        string cgroup = "/" + name;
        Directory.CreateDirectory(tree.DirectoryOf(cgroup));
        File.WriteAllText(tree.DirectoryOf(cgroup) + "/cgroup.type", "threaded");
        var policy = new PacketPolicy(Prefixes);
        using var backend = new EbpfBackend(new EbpfOptions { Instance = name, ArenaBytes = 128L << 20, EarlyReject = true, EarlyRejectCgroup = cgroup });
        try
        {
            host.Run(() => backend.Apply(policy.Compiled, HostObserver.Read()));
            IPEndPoint allowed = policy.AllowedOut(), denied = policy.DeniedOut();
            LabHost inside = host.InCgroup(tree.DirectoryOf(cgroup));
            var (without, with, refused) = (new double[Rounds], new double[Rounds], new double[Rounds]);
            for (int round = -1; round < Rounds; round++)
            {
                double[] taken = [Connect(host, allowed), Connect(inside, allowed), Connect(inside, denied)];
                if (round >= 0)
                {
                    (without[round], with[round], refused[round]) = (taken[0], taken[1], taken[2]);
                }
            }

            (double bare, double hooked, double turnedAway) = (Quick(without), Quick(with), Quick(refused));
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"connect(2), {Prefixes:N0} prefixes: allowed {hooked:F0} ns, without the hook {bare:F0} ns, so {hooked - bare:F0} ns for it; refused {turnedAway:F0} ns"
                )
            );
        }
        finally
        {
            host.Run(() => backend.Remove(dryRun: false));
            Directory.Delete(tree.DirectoryOf(cgroup));
        }
    }

    private static double Quick(double[] rounds) => rounds.Order().ElementAt(Quickest);

    /// <summary>A socket, its connect(2) and its end, in nanoseconds on average: the SYN is sent to nobody.</summary>
    private static double Connect(LabHost host, IPEndPoint to) =>
        host.Run(() =>
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Times; i++)
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                try
                {
                    socket.Connect(to);
                }
                catch (SocketException refusal) when (refusal.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress or SocketError.AccessDenied)
                {
                    // On its way, or refused: what is measured either way.
                }
            }

            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / Times;
        });
}
