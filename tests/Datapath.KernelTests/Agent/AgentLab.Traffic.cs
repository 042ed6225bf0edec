using System.Net;
using System.Net.Sockets;
using Datapath.KernelTests.Support;
using Datapath.Lab.Probes;

namespace Datapath.KernelTests.Agent;

internal sealed partial class AgentLab
{
    // A SYN is repeated after a second: shorter, so that an attempt is one packet. An answer may take longer on a busy machine.
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(900);
    private static readonly TimeSpan PatienceForAnswer = TimeSpan.FromSeconds(20);
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    /// <summary>The two addresses of an end.</summary>
    /// <param name="name">Such as <c>client</c>.</param>
    public LabEnd EndOf(string name) => _ends[name];

    /// <summary>Adds an end that is the router as well, with sockets in a cgroup.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="cgroup">The cgroup.</param>
    public void AddRouterInCgroup(string name, LabCgroup cgroup) =>
        _ends.Add(name, _ends["router"] with { Host = Router.InCgroup(cgroup.Directory) });

    /// <summary>Adds an end.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="end">Host and addresses.</param>
    public void AddEnd(string name, LabEnd end) => _ends.Add(name, end);

    /// <summary>Puts a server behind every port that the attempts want, so that only a rule can keep them from it.</summary>
    public void Serve(params IReadOnlyList<Try> tries)
    {
        foreach ((string to, string what) in tries.Where(one => one.What != "ping").Select(one => (one.To, one.What)).Distinct())
        {
            foreach (IPAddress address in Families.Select(_ends[to].Of))
            {
                _servers.Add(
                    what.StartsWith("tcp", StringComparison.Ordinal)
                        ? EchoServer.StartTcp(_ends[to].Host, address, PortOf(what))
                        : EchoServer.StartUdp(_ends[to].Host, address, PortOf(what))
                );
            }
        }
    }

    /// <summary>Makes all attempts in both families at once.</summary>
    /// <param name="tries">What is tried; served before.</param>
    /// <returns>Expected and observed, one line for each.</returns>
    public async Task<(IEnumerable<string> Expected, IEnumerable<string> Observed)> TryAsync(params IReadOnlyList<Try> tries)
    {
        (Try One, AddressFamily Family)[] all = [.. tries.SelectMany(one => Families.Select(family => (one, family)))];
        bool[] answered = await Task.WhenAll(all.Select(row => IsAnsweredAsync(row.One, row.Family)));
        return (
            all.Select(row => row.One.Line(row.Family, row.One.IsAllowed)),
            all.Zip(answered, (row, isAnswered) => row.One.Line(row.Family, isAnswered))
        );
    }

    /// <summary>Makes one attempt.</summary>
    public async Task<bool> IsAnsweredAsync(Try one, AddressFamily family)
    {
        (LabEnd from, LabEnd to) = (_ends[one.From], _ends[one.To]);
        TimeSpan patience = one.IsAllowed ? PatienceForAnswer : PatienceForNothing;
        Probe probe = one.What switch
        {
            "ping" => new PingProbe(from.Host, from.Of(family), to.Of(family), patience),
            ['t', ..] => new TcpProbe(from.Host, from.Of(family), to.Of(family), PortOf(one.What), patience),
            _ => new UdpProbe(from.Host, from.Of(family), to.Of(family), PortOf(one.What), patience),
        };
        return (await probe.RunAsync(Token)).Outcome == ProbeOutcome.Answered;
    }

    /// <summary>Opens a TCP connection from the client to a served port of web, to be used later.</summary>
    public async Task<EchoConnection> OpenToWebAsync(ushort port) => await EchoConnection.OpenAsync(_ends["client"], _ends["web"], port, Token);

    private static ushort PortOf(string what) => ushort.Parse(what[(what.IndexOf('/', StringComparison.Ordinal) + 1)..]);
}
