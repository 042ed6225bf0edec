using Datapath.Backends.Selection;
using Datapath.Interop.Processes;
using Xunit;

namespace Datapath.Tests.Backends.Selection;

public sealed class NeighbourTests
{
    private static readonly NeighbourFacts Alone = new() { Processes = ["systemd"], TrafficPrograms = [], Chains = ["INPUT"], UfwConfiguration = null, SavedWithOurs = [] };

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
        ("saved rules", "saved rules of iptables: /etc/iptables/rules.v4, /etc/iptables/rules.v6", Alone with { SavedWithOurs = ["/etc/iptables/rules.v4", "/etc/iptables/rules.v6"] }),
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
    public void Files_of_saved_rules_are_told_that_have_chains_of_ours_and_the_advice_leaves_the_others()
    {
        string root = Directory.CreateTempSubdirectory("dp-saved-").FullName;
        try
        {
            const string Others = "*filter\n:INPUT DROP [0:0]\n:dpx - [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -j dpx\nCOMMIT\n";
            string ours = "*mangle\n:PREROUTING ACCEPT [0:0]\n:dp.4nk.1.c0 - [0:0]\n-A PREROUTING -j dp.4nk.1.in\n[1:2] -A dp.4nk.1.in -j RETURN\nCOMMIT\n";
            Directory.CreateDirectory($"{root}/etc/iptables");
            Directory.CreateDirectory($"{root}/etc/sysconfig");
            File.WriteAllText($"{root}/etc/iptables/rules.v4", Others + ours);
            File.WriteAllText($"{root}/etc/sysconfig/ip6tables", Others);
            Assert.Equal(["/etc/iptables/rules.v4"], NeighbourReader.SavedWithOurs(root));

            CommandRunner.Run("sed", "-i", "-E", Neighbours.OursInSavedRules, $"{root}/etc/iptables/rules.v4");
            Assert.Empty(NeighbourReader.SavedWithOurs(root));
            Assert.Equal(Others + "*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n", File.ReadAllText($"{root}/etc/iptables/rules.v4"));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [Fact]
    public void Chains_are_what_a_saved_table_declares() =>
        Assert.Equal(
            ["INPUT", "DOCKER-USER"],
            NeighbourReader.ChainsOf("# Generated\n*filter\n:INPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n-A INPUT -j DROP\nCOMMIT\n")
        );
}
