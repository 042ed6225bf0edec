using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>Recognises other segmentation agents and host firewalls.</summary>
internal static class Neighbours
{
    private const string Judges = "another judge of the same packets: a connection passes only where both allow it";
    private const string Firewall = "a firewall of the host: its rules hold beside ours, whichever is stricter decides";
    private const string Containers = "rewrites addresses of containers; its rules hold beside ours";

    private const string SavedRules = "saved rules of iptables";

    /// <summary>Takes the lines of our chains out of what iptables-save printed, with or without counters; for sed -E.</summary>
    internal const string OursInSavedRules = @"/^(:|(\[[0-9:]+\] )?-A )dp\.|-j dp\./d";

    /// <summary>Who, the processes, the beginnings of chains and of programs at tc that show it, and what it means.</summary>
    private static readonly ImmutableArray<Known> All =
    [
        new("Prisma Cloud / Aporeto enforcer", ["enforcerd", "enforcer"], ["TRI-"], [], Judges),
        new("Cilium", ["cilium-agent"], ["CILIUM_"], ["cil_"], Judges),
        new("Calico", ["calico-node", "calico-felix"], ["cali-"], ["cali_"], Judges),
        new("Illumio VEN", ["venAgentMgr", "AgentManager"], ["ILO-"], [], Judges),
        new("Antrea", ["antrea-agent"], ["ANTREA-"], [], Judges),
        new("Weave Net", ["weave-npc"], ["WEAVE-NPC"], [], Judges),
        new("firewalld", ["firewalld"], [], [], Firewall),
        new("Docker", ["dockerd"], ["DOCKER"], [], Containers),
        new("kube-proxy", ["kube-proxy"], ["KUBE-"], [], Containers),
    ];

    /// <summary>Says who is there, in a fixed order; whatever is at tc without being known comes last.</summary>
    /// <param name="facts">What was looked at.</param>
    public static ImmutableArray<Neighbour> Of(NeighbourFacts facts) => [.. All.Select(one => one.Judge(facts)), Ufw(facts), Saved(facts), AtTc(facts)];

    private static Neighbour Ufw(NeighbourFacts facts)
    {
        bool isOn = facts.UfwConfiguration?.Split('\n').Any(line => line.Trim() == "ENABLED=yes") == true;
        return isOn
            ? new Neighbour("ufw", Finding.Found, "/etc/ufw/ufw.conf says ENABLED=yes", Firewall)
            : new Neighbour("ufw", Finding.Missing, facts.UfwConfiguration is null ? "no /etc/ufw/ufw.conf" : "/etc/ufw/ufw.conf does not say ENABLED=yes");
    }

    // Whoever saved them did so while we enforced. Our sets are not there when they are loaded, and one line that fails is the whole file.
    private static Neighbour Saved(NeighbourFacts facts) =>
        facts.SavedWithOurs.IsEmpty
            ? new Neighbour(SavedRules, Finding.Missing, "no file of saved rules has chains of ours")
            : new Neighbour(
                SavedRules,
                Finding.Found,
                string.Join(", ", facts.SavedWithOurs),
                $"they are refused as a whole at boot, because our sets are not there then: sed -i -E '{OursInSavedRules}' {string.Join(' ', facts.SavedWithOurs)}"
            );

    private static Neighbour AtTc(NeighbourFacts facts) =>
        facts.TrafficPrograms switch
        {
            null => new Neighbour("others at tc", Finding.CouldNotTell, "the programs at tc are shown to root only"),
            { IsEmpty: true } => new Neighbour("others at tc", Finding.Missing, "nothing but ours is attached at tc"),
            { } programs => new Neighbour(
                "others at tc",
                Finding.Found,
                string.Join(", ", programs),
                "they stay attached; one that decides before ours keeps packets from us"
            ),
        };

    /// <summary>A product that can be recognised.</summary>
    private sealed record Known(
        string Name,
        ImmutableArray<string> Processes,
        ImmutableArray<string> Chains,
        ImmutableArray<string> Programs,
        string Advice
    )
    {
        public Neighbour Judge(NeighbourFacts facts)
        {
            ImmutableArray<string> seen =
            [
                .. Processes.Where(facts.Processes.Contains).Select(process => $"process {process}"),
                .. First(facts.Chains, Chains).Select(chain => $"chain {chain}"),
                .. First(facts.TrafficPrograms?.Select(one => one[(one.LastIndexOf(' ') + 1)..]), Programs).Select(program => $"program {program} at tc"),
            ];
            if (!seen.IsEmpty)
            {
                return new Neighbour(Name, Finding.Found, string.Join(", ", seen), Advice);
            }

            bool isHidden = (facts.Chains is null && !Chains.IsEmpty) || (facts.TrafficPrograms is null && !Programs.IsEmpty);
            return isHidden
                ? new Neighbour(Name, Finding.CouldNotTell, "no such process; chains or programs of others could not be listed")
                : new Neighbour(Name, Finding.Missing, "nothing of it to be seen");
        }

        // One of many is proof enough.
        private static IEnumerable<string> First(IEnumerable<string>? names, ImmutableArray<string> beginnings) =>
            (names ?? []).Where(name => beginnings.Any(beginning => name.StartsWith(beginning, StringComparison.Ordinal))).Order(StringComparer.Ordinal).Take(1);
    }
}
