using System.Globalization;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>
/// The chains where decisions end, one for each descriptor: policy first, the connection's state only where the packet's own direction is
/// denied. To return from one is to pass this judge, so that other judges and other people's rules have their say.
/// </summary>
/// <param name="policy">Whose descriptors.</param>
/// <param name="book">Where chains are kept.</param>
/// <param name="family">Of which addresses.</param>
/// <param name="connectionBit">The bit of the connection mark that says "opened under policy".</param>
/// <param name="logGroup">Where events go.</param>
internal sealed class LeafChains(CompiledPolicy policy, ChainBook book, Family family, uint connectionBit, int logGroup)
{
    /// <summary>What counting rules are marked with, before the rule index.</summary>
    public const string CountMark = "r";

    /// <summary>The same where a pause lets pass what the rule denies.</summary>
    public const string PausedMark = "p";

    // A flood must not become a flood of events. Each rule has a bucket of its own, where a CPU has one with eBPF.
    private const string Limit = "-m limit --limit 1000/sec --limit-burst 1000 ";

    private readonly Dictionary<int, int> _chains = [];
    private readonly string _opened = $"-m connmark --mark {MarkLayout.Hexadecimal(connectionBit)}/{MarkLayout.Hexadecimal(connectionBit)} ";

    /// <summary>The chain of a descriptor.</summary>
    /// <param name="cell">Its index.</param>
    public int Of(int cell)
    {
        if (!_chains.TryGetValue(cell, out int chain))
        {
            Descriptor descriptor = policy.Descriptors[cell];
            chain = descriptor.Verdict == Verdict.Allow ? Allow(descriptor, isStateless: cell == policy.LocalDescriptor) : Reject(descriptor);
            _chains.Add(cell, chain);
        }

        return chain;
    }

    /// <summary>Whether a descriptor rejects.</summary>
    /// <param name="cell">Its index.</param>
    public bool IsRejected(int cell) => policy.Descriptors[cell].Verdict == Verdict.Reject;

    private int Allow(Descriptor descriptor, bool isStateless)
    {
        ChainRule pass = ChainRule.Return(Counted(descriptor));
        // What is built in is allowed in both directions: its answers need no state, and nobody is told. A unit's traffic with itself must
        // leave none: what only claims to come from the unit would pass as its answer.
        return isStateless || descriptor.Flags.HasFlag(DescriptorFlags.BuiltIn)
            ? book.Add(pass)
            : book.Add(ChainRule.Jump(Open(descriptor), "-m conntrack --ctstate NEW "), pass);
    }

    /// <summary>
    /// Marks a connection as opened under policy and reports it once. Of TCP only a bare SYN opens: a segment in the middle of a connection
    /// that conntrack takes up anew (nf_conntrack_tcp_loose) says nothing about who opened it.
    /// </summary>
    private int Open(Descriptor descriptor)
    {
        ChainRule[] rules =
        [
            ChainRule.Return("-p tcp -m tcp ! --tcp-flags SYN,ACK SYN "),
            new("", $"-j CONNMARK --set-xmark {MarkLayout.Hexadecimal(connectionBit)}/{MarkLayout.Hexadecimal(connectionBit)}"),
        ];
        // Until an answer comes every packet is NEW; only the first is not confirmed, and that at each judge it meets.
        return IsReported(descriptor)
            ? book.Add([.. rules, Report(descriptor, "-m conntrack ! --ctstatus CONFIRMED ")])
            : book.Add([.. rules]);
    }

    private int Reject(Descriptor descriptor)
    {
        var drop = new ChainRule(Counted(descriptor), "-j DROP");
        int refuse = IsReported(descriptor) ? book.Add(Report(descriptor, ""), drop) : book.Add(drop);
        int answer = book.Add(
            // An answer has no bare SYN: it would open a connection the other way.
            ChainRule.Return("-p tcp -m tcp ! --tcp-flags SYN,ACK SYN -m conntrack --ctstate ESTABLISHED --ctdir REPLY "),
            ChainRule.Return("! -p tcp -m conntrack --ctstate ESTABLISHED --ctdir REPLY "),
            // Errors about packets of the connection, from either side. Not the connections that helpers expect: those need a rule.
            ChainRule.Return($"-p {(family.IsIPv6 ? "ipv6-icmp" : "icmp")} -m conntrack --ctstate RELATED "),
            ChainRule.Goto(refuse)
        );
        return book.Add(ChainRule.Goto(answer, _opened), ChainRule.Goto(refuse));
    }

    private static bool IsReported(Descriptor descriptor) => descriptor.Flags.HasFlag(DescriptorFlags.Log);

    // So that counters can be read by anybody, and by an agent that knows nothing of the policy in force.
    private static string Counted(Descriptor descriptor) =>
        string.Create(CultureInfo.InvariantCulture, $"-m comment --comment {CountMark}{descriptor.RuleIndex} ");

    private ChainRule Report(Descriptor descriptor, string matches) =>
        new(matches + Limit, string.Create(CultureInfo.InvariantCulture, $"-j NFLOG --nflog-prefix {LogPrefix.Of(descriptor)} --nflog-group {logGroup}"));
}
