using System.Globalization;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>
/// The chains where decisions end, one for each descriptor: policy first, the connection's state only where the packet's own direction is
/// denied. To come to the end of one is to pass this judge, so that other judges and other people's rules have their say.
/// </summary>
/// <param name="policy">Whose descriptors.</param>
/// <param name="book">Where chains are kept.</param>
/// <param name="family">Of which addresses.</param>
/// <param name="layout">How packets are marked.</param>
/// <param name="options">How connections are marked, and how much is reported.</param>
internal sealed partial class LeafChains(CompiledPolicy policy, ChainBook book, Family family, MarkLayout layout, IptablesOptions options)
{
    /// <summary>What counting rules are marked with, before the rule index.</summary>
    public const string CountMark = "r";

    /// <summary>
    /// The same where the rule behind it counts: a comment is a match, which costs a call for every packet, and the rule before that opens
    /// connections is asked for few of them.
    /// </summary>
    public const string NextCountsMark = "c";

    /// <summary>The same where a pause lets pass what the rule denies.</summary>
    public const string PausedMark = "p";

    private const int FinestLimit = 10_000;

    private readonly Dictionary<(int Cell, bool IsTcp), int> _chains = [];

    // A flood must not become a flood of events. Each rule has a bucket of its own, where a CPU has one with eBPF.
    private readonly string _limit =
        options.EventsPerSecond > FinestLimit
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $"-m limit --limit {options.EventsPerSecond}/sec --limit-burst {options.EventsPerSecond} ");

    private readonly int _logGroup = new ObjectNames(options.Instance).LogGroup;

    /// <summary>What the judge has to do with units that are cgroups.</summary>
    public CgroupPart Cgroups { get; init; } = CgroupPart.None;

    /// <summary>The chain of a descriptor.</summary>
    /// <param name="cell">Its index.</param>
    /// <param name="isTcp">Whether all that comes there is TCP.</param>
    public int Of(int cell, bool isTcp = false)
    {
        if (!_chains.TryGetValue((cell, isTcp), out int chain))
        {
            Descriptor descriptor = policy.Descriptors[cell];
            chain = descriptor.Verdict == Verdict.Allow ? Allow(descriptor, isStateless: cell == policy.LocalDescriptor, isTcp) : Reject(descriptor);
            _chains.Add((cell, isTcp), chain);
        }

        return chain;
    }

    /// <summary>Whether a descriptor rejects.</summary>
    /// <param name="cell">Its index.</param>
    public bool IsRejected(int cell) => policy.Descriptors[cell].Verdict == Verdict.Reject;

    private int Allow(Descriptor descriptor, bool isStateless, bool isTcp)
    {
        // What is built in is allowed in both directions: its answers need no state, and nobody is told. A unit's traffic with itself must
        // leave none: what only claims to come from the unit would pass as its answer.
        return isStateless || descriptor.Flags.HasFlag(DescriptorFlags.BuiltIn)
            ? book.Add(layout.End(Counted(descriptor)))
            : book.Add(ChainRule.Jump(Open(descriptor), (isTcp ? Opens : "-m conntrack --ctstate NEW ") + Named(NextCountsMark, descriptor)), layout.End());
    }

    /// <summary>Marks a connection as opened under policy and reports it once.</summary>
    private int Open(Descriptor descriptor)
    {
        uint opened = options.ConnectionMarkBit | (Cgroups.IsUnit ? options.CgroupMarkBit : 0);
        uint written = Known | (Cgroups == CgroupPart.None ? 0 : options.CgroupMarkBit);
        var mark = new ChainRule("", $"-j CONNMARK --set-xmark {MarkLayout.Hexadecimal(opened)}/{MarkLayout.Hexadecimal(written)}");
        // Until an answer comes every packet is NEW; only the first is not confirmed, and that at each judge it meets. One that conntrack
        // took up in the middle is opened by its first SYN.
        return IsReported(descriptor)
            ? book.Add(
                Report(descriptor, DropReason.None, "-m conntrack ! --ctstatus CONFIRMED "),
                Report(descriptor, DropReason.None, $"-m conntrack --ctstatus CONFIRMED -m connmark ! --mark {Opened}/{Opened} "),
                mark
            )
            : book.Add(mark);
    }

    private int Reject(Descriptor descriptor)
    {
        int refuse = Refuse(descriptor, DropReason.Policy);
        return book.Add([ChainRule.Goto(refuse, IsUnknown), .. OfConnection(refuse, Refuse(descriptor, DropReason.Revoked))]);
    }

    private int Refuse(Descriptor descriptor, DropReason reason)
    {
        var drop = new ChainRule(Counted(descriptor), "-j DROP");
        return IsReported(descriptor) ? book.Add(Report(descriptor, reason, ""), drop) : book.Add(drop);
    }

    private static bool IsReported(Descriptor descriptor) => descriptor.Flags.HasFlag(DescriptorFlags.Log);

    // So that counters can be read by anybody, and by an agent that knows nothing of the policy in force.
    private static string Counted(Descriptor descriptor) => Named(CountMark, descriptor);

    private static string Named(string mark, Descriptor descriptor) =>
        string.Create(CultureInfo.InvariantCulture, $"-m comment --comment {mark}{descriptor.RuleIndex} ");

    private ChainRule Report(Descriptor descriptor, DropReason reason, string matches) =>
        new(matches + _limit, string.Create(CultureInfo.InvariantCulture, $"-j NFLOG --nflog-prefix {LogPrefix.Of(descriptor, reason, Math.Max(0, Cgroups.Unit))} --nflog-group {_logGroup}"));
}
