using System.Collections.Frozen;

namespace Datapath.Policy.Rulesets;

/// <summary>Names of IP protocols, as in IANA's registry of protocol numbers, with the other spellings that policy files use.</summary>
/// <remarks>Names are compared without regard to case: the registry mixes it (<c>IPv6-Route</c>, <c>Sprite-RPC</c>) and one name has a slash (<c>A/N</c>).</remarks>
public static class ProtocolNames
{
    /// <summary>ICMP for IPv4.</summary>
    public const int Icmp = 1;

    /// <summary>TCP.</summary>
    public const int Tcp = 6;

    /// <summary>UDP.</summary>
    public const int Udp = 17;

    /// <summary>ICMP for IPv6; written <c>ipv6-icmp</c> or <c>icmp6</c>.</summary>
    public const int Icmp6 = 58;

    // Position = number. An empty name is a number without one of its own ("any host internal protocol" and the like).
    private static readonly string[] Registry = (
        "hopopt icmp igmp ggp ipv4 st tcp cbt egp igp bbn-rcc-mon nvp-ii pup argus emcon xnet "
        + "chaos udp mux dcn-meas hmp prm xns-idp trunk-1 trunk-2 leaf-1 leaf-2 rdp irtp iso-tp4 netblt mfe-nsp "
        + "merit-inp dccp 3pc idpr xtp ddp idpr-cmtp tp++ il ipv6 sdrp ipv6-route ipv6-frag idrp rsvp gre "
        + "dsr bna esp ah i-nlsp swipe narp mobile tlsp skip ipv6-icmp ipv6-nonxt ipv6-opts - cftp - "
        + "sat-expak kryptolan rvd ippc - sat-mon visa ipcv cpnx cphb wsn pvp br-sat-mon sun-nd wb-mon wb-expak "
        + "iso-ip vmtp secure-vmtp vines ttp nsfnet-igp dgp tcf eigrp ospfigp sprite-rpc larp mtp ax.25 ipip micp "
        + "scc-sp etherip encap - gmtp ifmp pnni pim aris scps qnx a/n ipcomp snp compaq-peer ipx-in-ip "
        + "vrrp pgm - l2tp ddx iatp stp srp uti smp sm ptp isis fire crtp crudp "
        + "sscopmce iplt sps pipe sctp fc rsvp-e2e-ignore mobility-header udplite mpls-in-ip manet hip shim6 wesp rohc ethernet "
        + "aggfrag nsh"
    ).Split(' ');

    // The second half are spellings of the registry with blanks in them, of Linux's /etc/protocols, and of files in the wild.
    private static readonly (string Name, int Number)[] OtherSpellings =
    [
        ("icmp6", Icmp6),
        ("icmpv6", Icmp6),
        ("ospf", 89),
        ("ip-in-ip", 4),
        ("ipencap", 4),
        ("gres", 47),
        ("min-ipv4", 55),
        ("ipcu", 71),
        ("iptm", 84),
        ("os", 94),
        ("is-is over ipv4", 124),
        ("isis over ipv4", 124),
        ("mobility header", 135),
    ];

    private static readonly FrozenDictionary<string, int> Numbers = BuildNumbers();

    /// <summary>Every name that is understood, in ordinal order.</summary>
    public static IEnumerable<string> All => Numbers.Keys.Order(StringComparer.Ordinal);

    /// <summary>The number of a protocol.</summary>
    /// <param name="name">Its name, in any case.</param>
    /// <param name="number">0 to 255.</param>
    public static bool TryGetNumber(string name, out int number) => Numbers.TryGetValue(name, out number);

    /// <summary>The name of a protocol in lower case, or its number as text when it has none.</summary>
    /// <param name="number">0 to 255.</param>
    public static string NameOf(int number) =>
        number >= 0 && number < Registry.Length && Registry[number] != "-" ? Registry[number] : number.ToString();

    private static FrozenDictionary<string, int> BuildNumbers()
    {
        Dictionary<string, int> numbers = new(StringComparer.OrdinalIgnoreCase);
        for (int number = 0; number < Registry.Length; number++)
        {
            if (Registry[number] != "-")
            {
                numbers.Add(Registry[number], number);
            }
        }

        foreach ((string name, int number) in OtherSpellings)
        {
            numbers.Add(name, number);
        }

        return numbers.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
    }
}
