using System.Collections.Immutable;
using System.Globalization;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <content>Packets that their own direction denies, of connections that were opened under policy.</content>
internal sealed partial class LeafChains
{
    // Bare SYN: it would open a connection the other way.
    private const string IsOpeningSyn = "-p tcp -m tcp --tcp-flags SYN,ACK SYN ";

    // Of TCP only a bare SYN opens, also a connection that conntrack took up in the middle (nf_conntrack_tcp_loose), answered or not: other
    // segments say nothing of who opened it. Not where conntrack holds it for an answer: then the other side would have opened.
    private const string Opens = IsOpeningSyn + "-m conntrack --ctdir ORIGINAL ";

    private const string IsTranslated = "-m conntrack --ctstate SNAT,DNAT ";

    private readonly Dictionary<int, int> _answers = [];

    private uint Known => options.ConnectionMarkBit | options.RevokedMarkBit;

    private string Opened => MarkLayout.Hexadecimal(options.ConnectionMarkBit);

    private string IsUnknown => $"-m connmark --mark 0x0/{MarkLayout.Hexadecimal(Known)} ";

    private string IsOpened => HasMarks(options.ConnectionMarkBit);

    /// <summary>
    /// The chain where an answer ends, by what decides in the opener's direction now: it passes, and both are counted for one rule, or it
    /// was revoked. So a policy cuts on its first packet, whatever the connection's mark still says.
    /// </summary>
    /// <param name="cell">Index of the descriptor.</param>
    public int OfAnswer(int cell)
    {
        if (!_answers.TryGetValue(cell, out int chain))
        {
            Descriptor descriptor = policy.Descriptors[cell];
            chain = descriptor.Verdict == Verdict.Allow ? book.Add(layout.End(Counted(descriptor))) : Refuse(descriptor, DropReason.Revoked);
            _answers.Add(cell, chain);
        }

        return chain;
    }

    /// <summary>What becomes of a packet whose connection was opened under policy, or is the related one of an error.</summary>
    /// <param name="refuse">Where it is refused.</param>
    /// <param name="revoked">Where the opener is refused who once was allowed.</param>
    private ImmutableArray<ChainRule> OfConnection(int refuse, int revoked) =>
        [
            // One that another judge has let open just now is not confirmed.
            ChainRule.Goto(revoked, "-m conntrack --ctstate NEW,ESTABLISHED --ctdir ORIGINAL --ctstatus CONFIRMED "),
            ChainRule.Goto(refuse, IsOpeningSyn),
            ChainRule.Goto(Answer(refuse), "-m conntrack --ctstate ESTABLISHED --ctdir REPLY "),
            ChainRule.Goto(Error(refuse), $"-p {family.IcmpName} {IsOpened}-m conntrack --ctstate RELATED "),
            ChainRule.Goto(refuse),
        ];

    /// <summary>
    /// Errors about packets of the connection pass, from either side, where ports or an identifier tell it from others. Not the connections
    /// that helpers expect: those need a rule.
    /// </summary>
    private int Error(int refuse)
    {
        int end = book.Add(layout.End());
        string[] told =
        [
            "--ctproto tcp ",
            "--ctproto udp ",
            // Conntrack keeps type and code where others have their port.
            string.Create(CultureInfo.InvariantCulture, $"--ctproto {family.IcmpName} --ctorigdstport {family.EchoRequest << 8}:{(family.EchoRequest << 8) | byte.MaxValue} "),
        ];
        IEnumerable<string> errors = told.SelectMany(matches => family.IcmpErrors.Select(type => $"{family.IcmpType(type, code: null)}-m conntrack {matches}"));
        return book.Add([.. errors.Select(matches => ChainRule.Goto(end, matches)), ChainRule.Goto(refuse)]);
    }

    /// <summary>
    /// Answers are marked, for whoever judges to find the opener's rule. Where addresses or ports are translated, the packet does not say
    /// what the opener asked for: such an answer passes while the connection's mark says so, and counts for no rule.
    /// </summary>
    private int Answer(int refuse)
    {
        int end = book.Add(layout.End());
        return book.Add(
            [
                // Of ICMP only what was asked for: the connections of other kinds have no identifier to tell them apart.
                ChainRule.Goto(refuse, family.IsNoEchoReply),
                // Whose socket a packet will find is not known yet, and so not by whose rules its opener spoke.
                .. Cgroups == CgroupPart.Host
                    ? [ChainRule.Goto(end, HasMarks(options.CgroupMarkBit | options.ConnectionMarkBit)), ChainRule.Goto(refuse, HasMarks(options.CgroupMarkBit))]
                    : ImmutableArray<ChainRule>.Empty,
                ChainRule.Goto(end, IsOpened + IsTranslated),
                ChainRule.Goto(refuse, IsTranslated),
                layout.MarkAnswer(),
            ]
        );
    }

    private static string HasMarks(uint bits) => $"-m connmark --mark {MarkLayout.Hexadecimal(bits)}/{MarkLayout.Hexadecimal(bits)} ";
}
