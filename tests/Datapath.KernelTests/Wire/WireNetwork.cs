using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.Policy.Inventory;
using Datapath.Shared.Sequences;
using Xunit;

namespace Datapath.KernelTests.Wire;

/// <summary>
/// A host and the world around it, each a namespace, with a veth pair for every place where packets may cross. The sender of a frame says
/// by its MAC address which mark the packet has; the host's routes go by the mark, so that every destination is behind every interface.
/// </summary>
internal sealed class WireNetwork : IDisposable
{
    /// <summary>Where packets come in that leave elsewhere: nobody's interface.</summary>
    public const string Far = "far0";

    /// <summary>Where packets leave that came in elsewhere and are not for the host.</summary>
    public const string Sink = "sink0";

    /// <summary>The group of NFLOG that tells what the kernel's connection tracking says of each packet.</summary>
    public const int TrackingLogGroup = 77;

    /// <summary>The bits of the mark that name a zone of connection tracking.</summary>
    public const uint ZoneMask = 0xffff;

    private const int ExitShift = 28;
    private const int FirstTable = 100;
    private const string Log = "log group 77 snaplen 512";
    private const string HostMac = "02:00:00:00:00:02";

    /// <summary>In the order of their numbers as exits; 0 is none.</summary>
    private static readonly string[] Links = [CompiledCase.Uplink, "if0", "if1", "if2", "if3", Sink, Far];

    // The sender's MAC address ends with the mark.
    private static readonly string MarkRules = $$"""
        table netdev lab {
            chain own { type filter hook ingress devices = { {{string.Join(", ", Links)}} } priority 0; meta mark set @ll,64,32; }
        }
        """;

    private static readonly string TrackingRules = $$"""
        table inet lab {
            chain own { type filter hook prerouting priority -320; meta mark & {{ZoneMask}} == 0 drop; }
            chain ownout { type filter hook output priority -320; meta mark & {{ZoneMask}} == 0 drop; }
            chain tracked {
                ct state invalid {{Log}} prefix "I" accept
                ct state untracked {{Log}} prefix "U" accept
                ct state related ct mark & 0x40000000 == 0 {{Log}} prefix "S" accept
                ct state related {{Log}} prefix "R" accept
                ct state new ct status confirmed ct mark & 0x40000000 == 0 {{Log}} prefix "P" accept
                ct state new ct status confirmed {{Log}} prefix "M" accept
                ct state new {{Log}} prefix "N" accept
                ct direction reply ct mark & 0x60000000 == 0 {{Log}} prefix "B" accept
                ct direction reply {{Log}} prefix "A" accept
                ct mark & 0x40000000 == 0 {{Log}} prefix "Q" accept
                {{Log}} prefix "O"
            }
            chain pre { type filter hook prerouting priority -175; jump tracked; }
            chain out { type filter hook output priority -175; jump tracked; }
        }
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static int _count;

    private readonly NetworkNamespace _host;
    private readonly NetworkNamespace _world;
    private readonly string _name;
    private ImmutableArray<AddressKey> _addresses = [];

    /// <summary>Makes it.</summary>
    /// <param name="isTracked">Whether the host tracks connections, in the zone that the mark says. It then hears nobody else, and says nothing itself.</param>
    public WireNetwork(bool isTracked)
    {
        _name = string.Create(CultureInfo.InvariantCulture, $"dpw-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        CommandRunner.Run("ip", "netns", "add", HostName);
        CommandRunner.Run("ip", "netns", "add", WorldName);
        _host = NetworkNamespace.OpenNamed(HostName);
        _world = NetworkNamespace.OpenNamed(WorldName);
        try
        {
            CommandRunner.Run(
                "nsenter", $"--net={_host.Path}", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.forwarding=1",
                "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.accept_redirects=0",
                "net.ipv4.conf.default.accept_redirects=0", "net.ipv6.conf.all.accept_redirects=0", "net.ipv6.conf.default.accept_redirects=0",
                "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0",
                // A router joins groups, and reports it twice within two seconds, with marks of its own: said at once, before anything is counted.
                "net.ipv6.conf.default.mldv2_unsolicited_report_interval=1", "net.ipv6.conf.default.mldv1_unsolicited_report_interval=1"
            );
            MakeLinks();
            Run(HostName, string.Join('\n', Links[..^1].SelectMany(Routes)), "-4");
            Run(HostName, string.Join('\n', Links[..^1].SelectMany(Routes)), "-6");
            Filter(MarkRules);
            if (isTracked)
            {
                Track();
            }
            HostLinks = Indexes(HostName);
            WorldLinks = Indexes(WorldName);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Index of each interface on the host's side.</summary>
    public ImmutableDictionary<string, int> HostLinks { get; } = ImmutableDictionary<string, int>.Empty;

    /// <summary>Index of each interface on the world's side.</summary>
    public ImmutableDictionary<string, int> WorldLinks { get; } = ImmutableDictionary<string, int>.Empty;

    private string HostName => _name + "h";

    private string WorldName => _name + "w";

    /// <summary>The mark of packets that leave by an interface, tracked in a zone.</summary>
    public static uint MarkOf(string exit, int zone) => ((uint)(Array.IndexOf(Links, exit) + 1) << ExitShift) | (uint)zone;

    /// <summary>Runs something on the host.</summary>
    public T OnHost<T>(Func<T> function) => _host.Run(function);

    /// <summary>Opens a socket of the world.</summary>
    public WireSocket InWorld(Func<WireSocket> open) => _world.Run(open);

    /// <summary>Gives the host its addresses, instead of those that it had.</summary>
    public void SetAddresses(ImmutableArray<AddressKey> addresses)
    {
        IEnumerable<string> lines = _addresses.Select(one => $"addr del {Prefix(one)} dev lo").Concat(addresses.Select(one => $"addr add {Prefix(one)} dev lo{(one.IsIPv6 ? " nodad" : "")}"));
        Run(HostName, string.Join('\n', lines));
        _addresses = addresses;
        // The kernel takes its time to make IPv6 addresses local (addrconf_dad_work).
        string[] wanted = [.. addresses.Where(one => one.IsIPv6).Select(one => $"local {one} dev lo ")];
        Assert.True(SpinWait.SpinUntil(() => LocalRoutes() is var routes && Array.TrueForAll(wanted, one => routes.Contains(one, StringComparison.Ordinal)), Patience), "an address does not become local");
    }

    private string LocalRoutes() => CommandRunner.Run("ip", "-n", HostName, "-6", "route", "show", "table", "local");

    public void Dispose()
    {
        _host.Dispose();
        _world.Dispose();
        CommandRunner.Run("ip", "netns", "delete", HostName);
        CommandRunner.Run("ip", "netns", "delete", WorldName);
    }

    private static string Prefix(AddressKey address) => $"{address}/{(address.IsIPv6 ? 128 : 32)}";

    private void MakeLinks()
    {
        var host = new StringBuilder("link set lo up\n");
        var world = new StringBuilder();
        foreach (string link in Links)
        {
            host.Append($"link add {link} address {HostMac} type veth peer name {link} netns {WorldName}\n");
            // Nobody is asked for MAC addresses, and nobody has an address that was not given to him.
            host.Append($"link set {link} arp off addrgenmode none\nlink set {link} up\n");
            world.Append($"link set {link} arp off addrgenmode none\nlink set {link} up\n");
        }
        Run(HostName, host.ToString());
        Run(WorldName, world.ToString());
    }

    private static IEnumerable<string> Routes(string link, int number)
    {
        int table = FirstTable + number;
        string mark = string.Create(CultureInfo.InvariantCulture, $"0x{(uint)(number + 1) << ExitShift:x}/0xf0000000");
        return [$"route add default dev {link} table {table}", $"rule add fwmark {mark} lookup {table}"];
    }

    private void Filter(string rules) =>
        Assert.Equal("", _host.Run(() => CommandRunner.RunAsync("nft", ["-f", "-"], rules).GetAwaiter().GetResult()).StandardError);

    /// <summary>
    /// What is before the policy under test: the zone of each packet, and a log of what connection tracking says of it. What carries no zone
    /// was not sent by the test.
    /// </summary>
    private void Track()
    {
        Filter(TrackingRules);
        foreach (string program in (string[])["iptables-nft", "ip6tables-nft"])
        {
            foreach (string chain in (string[])["PREROUTING", "OUTPUT"])
            {
                CommandRunner.Run("nsenter", $"--net={_host.Path}", program, "-t", "raw", "-A", chain, "-j", "CT", "--zone", "mark");
            }
        }
        // A slow machine must not outlive a connection.
        CommandRunner.Run(
            "nsenter", $"--net={_host.Path}", "sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_timeout_close=600", "net.netfilter.nf_conntrack_tcp_timeout_last_ack=600",
            "net.netfilter.nf_conntrack_tcp_timeout_close_wait=600", "net.netfilter.nf_conntrack_tcp_timeout_syn_recv=600", "net.netfilter.nf_conntrack_udp_timeout=600",
            "net.netfilter.nf_conntrack_icmp_timeout=600", "net.netfilter.nf_conntrack_icmpv6_timeout=600", "net.netfilter.nf_conntrack_generic_timeout=600"
        );
    }

    private static ImmutableDictionary<string, int> Indexes(string name) =>
        Links.ToImmutableDictionary(link => link, link => int.Parse(CommandRunner.Run("ip", "-n", name, "-o", "link", "show", link).Split(':')[0], CultureInfo.InvariantCulture));

    private static void Run(string name, string lines, string family = "-0")
    {
        string[] options = family == "-0" ? ["-n", name] : ["-n", name, family];
        CommandResult result = CommandRunner.RunAsync("ip", [.. options, "-batch", "-"], lines + "\n").GetAwaiter().GetResult();
        Assert.True(result.ExitCode == 0, $"ip: {result.StandardError}\n{lines}");
    }
}
