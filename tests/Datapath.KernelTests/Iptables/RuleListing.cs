using Datapath.Interop.Netlink;
using Datapath.KernelTests.Agent;

namespace Datapath.KernelTests.Iptables;

/// <summary>What the system's own programs say of rules and sets on the router of a lab.</summary>
internal static class RuleListing
{
    private const uint OwnBits = 0x7000_0000;
    private const string OwnPrefix = "dp.";

    private static readonly string[] Variants = ["nft", "legacy"];
    private static readonly string[] Programs = ["iptables", "ip6tables"];

    /// <summary>Lets a variant carry a rule, so that the agent prefers it.</summary>
    public static void Prefer(AgentLab lab, string variant)
    {
        foreach (string program in Programs)
        {
            lab.OnRouter($"{program}-{variant}", "-t", "filter", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "DROP");
        }
    }

    /// <summary>Rules such as a host firewall and a container engine make, in every table, our hooks included.</summary>
    public static void AddForeignRules(AgentLab lab, string variant)
    {
        foreach (string program in Programs)
        {
            string[] own = [$"{program}-{variant}", "-t", "mangle"];
            lab.OnRouter([.. own, "-N", "FOREIGN"]);
            lab.OnRouter([.. own, "-A", "FOREIGN", "-p", "tcp", "--dport", "7", "-j", "MARK", "--set-mark", "0x5"]);
            lab.OnRouter([.. own, "-A", "PREROUTING", "-j", "FOREIGN"]);
            lab.OnRouter([.. own, "-A", "POSTROUTING", "-j", "FOREIGN"]);
            lab.OnRouter($"{program}-{variant}", "-t", "nat", "-A", "POSTROUTING", "-o", "nowhere", "-j", "MASQUERADE");
            lab.OnRouter($"{program}-{variant}", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "--dport", "9", "-j", "DROP");
        }

        lab.OnRouter("ipset", "create", "foreign", "hash:ip");
        lab.OnRouter("ipset", "add", "foreign", "192.0.2.77");
    }

    /// <summary>Our lines of one variant, both families, without what is counted.</summary>
    public static string[] Ours(AgentLab lab, string variant) => [.. Lines(lab, variant).Where(line => line.Contains(OwnPrefix, StringComparison.Ordinal))];

    /// <summary>Everything else: both variants, and the sets.</summary>
    public static string[] Foreign(AgentLab lab) =>
        [
            .. Variants.SelectMany(variant => Lines(lab, variant)).Where(line => !line.Contains(OwnPrefix, StringComparison.Ordinal)),
            .. lab.OnRouter("ipset", "save").Split('\n').Where(line => !line.Contains(OwnPrefix, StringComparison.Ordinal)),
        ];

    /// <summary>Names of our sets.</summary>
    public static string[] Sets(AgentLab lab) =>
        [.. lab.OnRouter("ipset", "list", "-name").Split('\n').Where(name => name.StartsWith(OwnPrefix, StringComparison.Ordinal))];

    /// <summary>How many tracked connections have our mark.</summary>
    public static int MarkedConnections(AgentLab lab) => lab.Router.Run(() => Conntrack.Read().Count(entry => (entry.Mark & OwnBits) != 0));

    // Comments carry the time of printing; the first table of ours is made by us and is empty afterwards.
    private static IEnumerable<string> Lines(AgentLab lab, string variant) =>
        Programs
            .SelectMany(program => lab.OnRouter($"{program}-{variant}-save").Split('\n'))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line[0] == ':' ? line[..line.IndexOf('[', StringComparison.Ordinal)] : line);
}
