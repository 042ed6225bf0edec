using System.Globalization;
using System.Net;
using Datapath.Policy.Inventory;

namespace Datapath.Tests.Support;

/// <summary>A packet as the hooks of iptables see it: new to conntrack, and bare SYN where it is TCP.</summary>
/// <param name="Source">Its source.</param>
/// <param name="Destination">Its destination.</param>
/// <param name="Protocol">IANA protocol number.</param>
/// <param name="Key">Destination port, or type and code of ICMP.</param>
/// <param name="HopLimit">As it arrives.</param>
internal sealed record WalkedPacket(AddressKey Source, AddressKey Destination, int Protocol, ushort Key, int HopLimit = 64);

/// <summary>What one judge said.</summary>
/// <param name="Rule">Index of the rule that was counted.</param>
/// <param name="Passes">Whether the packet went on.</param>
internal sealed record WalkedJudgement(int Rule, bool Passes);

/// <summary>
/// Runs the text that <c>iptables-restore</c> and <c>ipset restore</c> are given, rule by rule, as the kernel would. Knows only the matches
/// that we write, and throws at any other.
/// </summary>
internal sealed class ChainWalker
{
    private const int Limit = 100_000;

    private readonly Dictionary<string, List<string[]>> _chains = new(StringComparer.Ordinal);
    private readonly Dictionary<(UInt128 Address, int Length), (uint Mark, uint Mask)> _set = [];
    private readonly bool _isIPv6;
    private readonly List<WalkedJudgement> _judgements = [];
    private uint _mark;
    private string _module = "";
    private int _steps;

    public ChainWalker(string chains, string set, bool isIPv6)
    {
        _isIPv6 = isIPv6;
        foreach (string line in chains.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split(' ');
            if (line[0] == ':')
            {
                _chains.Add(words[0][1..], []);
            }
            else
            {
                _chains[words[1]].Add(words[2..]);
            }
        }

        foreach (string[] entry in set.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Where(words => words[0] == "add"))
        {
            string[] prefix = entry[2].Split('/');
            uint[] mark = [.. entry[4].Split('/').Select(Number)];
            _set.Add((AddressKey.From(IPAddress.Parse(prefix[0])).Value, int.Parse(prefix[1], CultureInfo.InvariantCulture)), (mark[0], mark[1]));
        }
    }

    /// <summary>The cgroup of the socket that sends, below the root; null for a packet without one.</summary>
    public string? Cgroup { get; set; }

    /// <summary>The mark that the packet has afterwards.</summary>
    public uint Mark => _mark;

    /// <summary>Rules that the last walk looked at.</summary>
    public int Steps => _steps;

    /// <summary>Which judges said what, in their order; a packet that was dropped meets no further one.</summary>
    /// <param name="root">Name of the chain that the hook jumps to.</param>
    /// <param name="link">What the packet comes in by, or goes out by.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="isLocal">Whether the destination (at PREROUTING) or source (at POSTROUTING) is the host's own.</param>
    /// <param name="mark">The mark that it has before.</param>
    public IReadOnlyList<WalkedJudgement> Walk(string root, string link, WalkedPacket packet, bool isLocal, uint mark = 0)
    {
        _judgements.Clear();
        (_mark, _steps) = (mark, 0);
        Run(root, link, packet, isLocal);
        return [.. _judgements];
    }

    // False when the packet was dropped.
    private bool Run(string chain, string link, WalkedPacket packet, bool isLocal)
    {
        string? next = null;
        foreach (string[] rule in _chains[chain])
        {
            if (++_steps > Limit)
            {
                throw new InvalidOperationException($"{chain} leads in a circle");
            }

            (bool matches, int after, string? comment) = Matches(rule, link, packet, isLocal);
            // It names whom the rule behind it counts for, whether or not it matches.
            (comment, next) = comment is ['c', .. var index] ? (next, $"r{index}") : (comment ?? next, null);
            if (!matches)
            {
                continue;
            }

            switch (rule[after], rule[after + 1])
            {
                case ("-g", var target):
                    return Run(target, link, packet, isLocal);
                case ("-j", "RETURN"):
                    Count(comment, passes: true);
                    return true;
                case ("-j", "DROP"):
                    Count(comment, passes: false);
                    return false;
                case ("-j", "MARK"):
                    Set(rule[after + 3]);
                    Count(comment, passes: true);
                    break;
                case ("-j", "SET"):
                    Classify(rule[after + 4] == "src" ? packet.Source : packet.Destination);
                    break;
                case ("-j", "CONNMARK" or "NFLOG"):
                    break;
                case ("-j", var asked):
                    if (!Run(asked, link, packet, isLocal))
                    {
                        return false;
                    }

                    break;
                default:
                    throw new InvalidOperationException($"not understood: {string.Join(' ', rule)}");
            }
        }

        return true;
    }

    private void Count(string? comment, bool passes)
    {
        if (comment is ['r', .. var index])
        {
            _judgements.Add(new WalkedJudgement(int.Parse(index, CultureInfo.InvariantCulture), passes));
        }
    }

    private (bool Matches, int After, string? Comment) Matches(string[] rule, string link, WalkedPacket packet, bool isLocal)
    {
        bool matches = true;
        string? comment = null;
        int at = 0;
        while (rule[at] is not ("-j" or "-g"))
        {
            bool isNegated = rule[at] == "!";
            at += isNegated ? 1 : 0;
            if (rule[at] == "--comment")
            {
                comment = rule[at + 1];
                at += rule[at + 1][0] == '"' ? 4 : 2;
                continue;
            }

            bool one = IsMatched(rule[at], rule[at + 1], link, packet, isLocal);
            matches &= one != isNegated;
            at += rule[at] == "--tcp-flags" ? 3 : 2;
        }

        return (matches, at, comment);
    }

    private bool IsMatched(string option, string value, string link, WalkedPacket packet, bool isLocal) =>
        option switch
        {
            "-m" => (_module = value).Length > 0,
            "-i" or "-o" => link == value,
            "-p" => packet.Protocol == Protocol(value),
            "-s" => packet.Source == AddressKey.From(IPAddress.Parse(value.Split('/')[0])),
            "-d" when value == "ff00::/8" => packet.Destination.IsIPv6 && packet.Destination.Value >> 120 == 0xff,
            "-d" => packet.Destination == AddressKey.From(IPAddress.Parse(value.Split('/')[0])),
            "--dst-type" or "--src-type" => isLocal,
            // The connection's is 0: not opened under policy.
            "--mark" => value.Split('/') is [var mark, var mask] && ((_module == "connmark" ? 0 : _mark) & Number(mask)) == Number(mark),
            "--dport" or "--dports" => value.Split(',').Any(range => IsIn(range, packet.Key)),
            "--icmp-type" or "--icmpv6-type" => IsType(value, packet.Key),
            "--path" => Cgroup is { } own && (own + '/').StartsWith(value.Trim('"') + '/', StringComparison.Ordinal),
            "--hl-eq" => packet.HopLimit == int.Parse(value, CultureInfo.InvariantCulture),
            "--tcp-flags" => true, // a bare SYN
            "--ctstate" => value == "NEW",
            "--ctdir" => value == "ORIGINAL",
            "--ctstatus" => false,
            "--limit" or "--limit-burst" => true,
            _ => throw new InvalidOperationException($"not understood: {option} {value}"),
        };

    private static int Protocol(string text) =>
        text switch
        {
            "tcp" => 6,
            "udp" => 17,
            "icmp" => 1,
            "ipv6-icmp" => 58,
            "0" => throw new InvalidOperationException("-p 0 means every protocol"),
            _ => int.Parse(text, CultureInfo.InvariantCulture),
        };

    private static bool IsIn(string range, ushort key)
    {
        int[] ends = [.. range.Split(':').Select(end => int.Parse(end, CultureInfo.InvariantCulture))];
        return key >= ends[0] && key <= ends[^1];
    }

    private bool IsType(string value, ushort key)
    {
        int[] parts = [.. value.Split('/').Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        return (parts[0] == 255 && !_isIPv6) || (key >> 8 == parts[0] && (parts.Length == 1 || (key & 0xff) == parts[1]));
    }

    private void Set(string value)
    {
        uint[] parts = [.. value.Split('/').Select(Number)];
        _mark = (_mark & ~parts[1]) ^ parts[0];
    }

    private void Classify(AddressKey address)
    {
        int width = _isIPv6 ? 128 : 32;
        for (int length = width; length > 0; length--)
        {
            UInt128 prefix = address.Value >> (width - length) << (width - length);
            if (_set.TryGetValue((prefix, length), out (uint Mark, uint Mask) entry))
            {
                _mark = (_mark & ~entry.Mask) ^ entry.Mark;
                return;
            }
        }
    }

    private static uint Number(string hexadecimal) => uint.Parse(hexadecimal.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
