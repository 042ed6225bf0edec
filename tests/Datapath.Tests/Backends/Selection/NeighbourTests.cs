using Datapath.Backends.Selection;
using Xunit;

namespace Datapath.Tests.Backends.Selection;

public sealed class NeighbourTests
{
    private static readonly NeighbourFacts Alone = new() { Processes = ["systemd"], TrafficPrograms = [], Chains = ["INPUT"], UfwConfiguration = null };

    public static TheoryData<string, string> Sightings => [.. Cases.Select(one => (one.Name, one.Seen))];

    private static (string Name, string Seen, NeighbourFacts Facts)[] Cases { get; } =
    [
        ("nobody", "", Alone),
        ("cilium", "Cilium: process cilium-agent, program cil_from_netdev at tc; others at tc: eth0: cil_from_netdev",
            Alone with { Processes = ["cilium-agent"], TrafficPrograms = ["eth0: cil_from_netdev"] }),
        ("enforcer", "Prisma Cloud / Aporeto enforcer: chain TRI-App", Alone with { Chains = ["TRI-Net", "TRI-App"] }),
        ("calico", "Calico: chain cali-INPUT", Alone with { Chains = ["cali-INPUT", "INPUT"] }),
        ("docker", "Docker: process dockerd, chain DOCKER-USER", Alone with { Processes = ["dockerd"], Chains = ["DOCKER-USER"] }),
        ("firewalld", "firewalld: process firewalld", Alone with { Processes = ["firewalld"] }),
        ("ufw", "ufw: /etc/ufw/ufw.conf says ENABLED=yes", Alone with { UfwConfiguration = "# x\nENABLED=yes\nLOGLEVEL=low\n" }),
        ("ufw off", "", Alone with { UfwConfiguration = "ENABLED=no\n" }),
        ("a stranger", "others at tc: lo: u32", Alone with { TrafficPrograms = ["lo: u32"] }),
    ];

    [Theory, MemberData(nameof(Sightings))]
    public void Others_are_known_by_their_processes_chains_and_programs(string name, string seen)
    {
        var found = Neighbours.Of(Cases.Single(one => one.Name == name).Facts).Where(one => one.Finding == Finding.Found).ToList();
        Assert.Equal(seen, string.Join("; ", found.Select(one => $"{one.Name}: {one.Evidence}")));
        Assert.All(found, one => Assert.False(string.IsNullOrEmpty(one.Advice), one.Name));
    }

    [Fact]
    public void What_could_not_be_listed_is_not_called_absent()
    {
        var neighbours = Neighbours.Of(Alone with { TrafficPrograms = null, Chains = null });
        Assert.Equal(Finding.CouldNotTell, neighbours.Single(one => one.Name == "Cilium").Finding);
        Assert.Equal(Finding.CouldNotTell, neighbours.Single(one => one.Name == "others at tc").Finding);
        Assert.Equal(Finding.Missing, neighbours.Single(one => one.Name == "firewalld").Finding);
    }

    [Fact]
    public void Chains_are_what_a_saved_table_declares() =>
        Assert.Equal(
            ["INPUT", "DOCKER-USER"],
            NeighbourReader.ChainsOf("# Generated\n*filter\n:INPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n-A INPUT -j DROP\nCOMMIT\n")
        );
}
