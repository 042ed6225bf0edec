using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Datapath.Interop.Processes;
using Datapath.Lab.Networks;

namespace Datapath.Bench.Filters;

/// <summary>A host behind one filter, and a sender on the other end of a veth pair.</summary>
internal sealed class FilterSite : IDisposable
{
    private const string Uplink = "up0";

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(25);

    private readonly FrameSender _sender;

    private FilterSite(string name, LabHost host, FrameSender sender) => (Name, Host, _sender) = (name, host, sender);

    /// <summary>What filters.</summary>
    public string Name { get; }

    /// <summary>Where it filters.</summary>
    public LabHost Host { get; }

    /// <summary>Packets per second of each batch.</summary>
    public List<double> Rates { get; } = [];

    /// <summary>What a tenth of the batches reach: others on the machine make packets slower, never quicker.</summary>
    public double Rate => Rates.OrderDescending().ElementAt(Rates.Count / 10);

    /// <summary>Makes a site that filters nothing yet.</summary>
    public static async Task<FilterSite> CreateAsync(LabNetwork network, string name, (IPAddress Source, ushort Port)[] flows)
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"{network.Hosts.Count}");
        LabHost host = await network.AddHostAsync($"h{id}");
        LabHost peer = await network.AddHostAsync($"p{id}");
        await LabNetwork.ConnectAsync(host, Uplink, peer, "down0");
        await host.AddAddressAsync(Uplink, IPAddress.Parse(FilterPolicy.Host), 32);
        // Answers go out whoever is there: nobody is asked for link addresses.
        await host.IpAsync("link", "set", Uplink, "arp", "off");
        await host.IpAsync("route", "add", "default", "dev", Uplink);
        // Nobody listens, and what is said of that is not what is measured: filters of one hook would not see it. Kernels before 6.13 have one
        // budget of these for the whole machine, a thousand a second.
        InNamespace(host, "sysctl", "-qew", "net.ipv4.icmp_msgs_per_sec=0", "net.ipv4.icmp_msgs_burst=0");
        byte[] address = [.. InNamespace(host, "cat", $"/sys/class/net/{Uplink}/address").Trim().Split(':').Select(part => byte.Parse(part, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
        int index = int.Parse(InNamespace(peer, "cat", "/sys/class/net/down0/ifindex"), CultureInfo.InvariantCulture);
        return new FilterSite(name, host, new FrameSender(peer, index, [.. flows.Select(flow => FilterPolicy.Frame(flow, address))]));
    }

    /// <summary>Runs a program in the host's namespace, with a /sys of that namespace.</summary>
    public static string InNamespace(LabHost host, params string[] command) => CommandRunner.Run("ip", ["netns", "exec", host.NamespaceName, .. command]);

    /// <summary>Lets every flow open and be answered, so that connections are established, and sees that the filter lets them.</summary>
    /// <param name="flows">The flows.</param>
    public async Task EstablishAsync((IPAddress Source, ushort Port)[] flows)
    {
        for (int i = 0; i < 3; i++)
        {
            await SendSlowlyAsync(flows.Length);
            Answer(flows);
        }

        // A busy machine may lose some of a burst; whoever is filtered never gets there.
        long missing = long.MaxValue;
        for (int i = 0; i < 10 && missing > 0; i++)
        {
            long before = Delivered();
            missing = await SendSlowlyAsync(flows.Length);
            missing -= Delivered() - before;
        }

        if (missing > 0)
        {
            throw new InvalidOperationException($"{Name}: of {flows.Length} allowed packets {missing} did not arrive");
        }
    }

    private async Task<int> SendSlowlyAsync(int frames)
    {
        int sent = 0;
        while (sent < frames)
        {
            sent += _sender.Send(64);
            await Task.Delay(2);
        }

        await Task.Delay(20);
        return sent;
    }

    private void Answer((IPAddress Source, ushort Port)[] flows)
    {
        foreach (var group in flows.GroupBy(flow => flow.Port))
        {
            using Socket socket = Host.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
            socket.Bind(new IPEndPoint(IPAddress.Parse(FilterPolicy.Host), group.Key));
            foreach ((IPAddress, ushort) flow in group)
            {
                try
                {
                    socket.SendTo(new byte[1], FilterPolicy.Answered(flow));
                }
                catch (SocketException refused) when (refused.SocketErrorCode == SocketError.AccessDenied)
                {
                    // Its first packet was lost in the burst.
                }
            }
        }
    }

    /// <summary>Sends for a while, and notes of each batch how quick it was.</summary>
    public void Measure()
    {
        long start = Stopwatch.GetTimestamp();
        long before = Delivered();
        do
        {
            long began = Stopwatch.GetTimestamp();
            int sent = _sender.Send(64);
            TimeSpan took = Stopwatch.GetElapsedTime(began);
            long after = Delivered();
            // What is not through when the call returns has another thread done, and the time is not all.
            if (after - before == sent)
            {
                Rates.Add(sent / took.TotalSeconds);
            }

            before = after;
        }
        while (Stopwatch.GetElapsedTime(start) < Round);
    }

    /// <inheritdoc/>
    public void Dispose() => _sender.Dispose();

    // Whoever judged is asked last: the packet came to UDP, and nobody listens.
    private long Delivered() =>
        Host.Run(() =>
        {
            string[][] lines = [.. File.ReadLines("/proc/thread-self/net/snmp").Where(line => line.StartsWith("Udp:", StringComparison.Ordinal)).Select(line => line.Split(' '))];
            return long.Parse(lines[1][Array.IndexOf(lines[0], "NoPorts")], CultureInfo.InvariantCulture);
        });
}
