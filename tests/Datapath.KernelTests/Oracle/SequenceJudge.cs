using System.Collections.Immutable;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;
using Datapath.Tests.Support;

namespace Datapath.KernelTests.Oracle;

/// <summary>Runs sequences under a few policies through the oracle and through the shipped programs, and compares after each packet.</summary>
internal sealed class SequenceJudge
{
    private readonly SequenceLab _lab;
    private readonly CompiledCase _compiled;
    private readonly RuleBook[] _books;
    private readonly uint[] _generations;
    private readonly Dictionary<RuleIdentity, int[]> _numbers;
    private readonly Dictionary<int, long> _packetsOfRules = [];
    private readonly Dictionary<DropReason, long> _packetsDropped = [];
    private string? _tablesDiffer;
    private bool _isBehind = true;

    /// <summary>Puts the policies into the kernel.</summary>
    /// <param name="lab">Where.</param>
    /// <param name="versions">The policies.</param>
    public SequenceJudge(SequenceLab lab, ImmutableArray<PolicyCase> versions)
    {
        _lab = lab;
        _compiled = new CompiledCase(versions);
        _generations = [.. lab.Enforce(_compiled)];
        _books = [.. versions.Select((version, i) => Book(version, _compiled.Versions[i]))];
        _numbers = _compiled
            .Versions.SelectMany(one => one.Rules)
            .GroupBy(rule => rule.Rule, rule => rule.Index)
            .ToDictionary(group => group.Key, group => group.Distinct().ToArray());
    }

    /// <summary>Whether the policies can be compared in everything; see <see cref="CompiledCase.HasStrangers"/>.</summary>
    public bool IsComparable => _compiled.HasStrangers;

    public ImmutableArray<Place> Places => _compiled.Places;

    public ImmutableArray<AddressKey> HostAddresses => _compiled.HostAddresses;

    /// <summary>Runs a sequence from an empty memory on. Returns the first difference; null when there is none.</summary>
    /// <param name="steps">What happens.</param>
    /// <param name="reached">Told each packet's outcome.</param>
    public string? Run(ImmutableArray<Step> steps, Action<Outcome>? reached = null)
    {
        var oracle = new FlowOracle(_compiled.Places, _compiled.HostAddresses);
        _lab.Tables.Clear();
        TakeCounts();
        _lab.ForgetMarks();
        int version = Renew(oracle, 0);
        for (int i = 0; i < steps.Length; i++)
        {
            switch (steps[i])
            {
                case PolicyStep policy:
                    version = Enforce(oracle, policy.Version);
                    break;
                case WaitStep wait:
                    oracle.Wait(wait.Seconds);
                    _lab.Tables.Age(wait.Seconds);
                    Renew(oracle, version);
                    break;
                case EvictStep evict:
                    oracle.Evict(evict.Of);
                    Evict(evict.Of);
                    Renew(oracle, version);
                    break;
                case PacketStep packet:
                    Outcome expected = oracle.Judge(packet);
                    reached?.Invoke(expected);
                    if ((Difference(packet, expected, version) ?? _tablesDiffer) is { } difference)
                    {
                        _isBehind = true;
                        return $"step {i + 1}, {packet}:\n{difference}";
                    }
                    break;
            }
        }
        return null;
    }

    private RuleBook Book(PolicyCase version, CompiledPolicy compiled)
    {
        var tables = new CompiledPolicyReader(compiled);
        return new RuleBook(version)
        {
            Asked = (question, expected) =>
            {
                // The tables do not know who a peer really is; the programs do.
                Judgement? actual = question.PeerMayBeUnit || expected.Rule.Kind != RuleKind.Local
                    ? tables.Judge(_compiled.NumberOf(question.Unit), question.Direction, question.Peer, question.Table, question.Key)
                    : null;
                if (actual is not null && actual.Rule.Kind != RuleKind.Local && actual != expected)
                {
                    _tablesDiffer = $"{question}: evaluator {expected}, tables {actual}";
                }
            },
        };
    }

    /// <summary>What was counted until now: a run that failed left counts behind that nobody compared.</summary>
    private void TakeCounts()
    {
        if (!_isBehind)
        {
            return;
        }
        foreach (int number in _numbers.Values.SelectMany(numbers => numbers))
        {
            _packetsOfRules[number] = _lab.PacketsOfRule(number);
        }
        foreach (DropReason reason in Enum.GetValues<DropReason>())
        {
            _packetsDropped[reason] = _lab.PacketsDropped(reason);
        }
        _tablesDiffer = null;
        _isBehind = false;
    }

    private int Enforce(FlowOracle oracle, int version)
    {
        oracle.Enforce(_books[version], _generations[version]);
        _lab.Switch(_generations[version]);
        return version;
    }

    /// <summary>New numbers for all policies: nobody remembers a packet of just now.</summary>
    private int Renew(FlowOracle oracle, int version)
    {
        foreach (uint old in _generations.Distinct().ToArray())
        {
            uint renewed = _lab.Renumber(old);
            for (int i = 0; i < _generations.Length; i++)
            {
                _generations[i] = _generations[i] == old ? renewed : _generations[i];
            }
        }
        return Enforce(oracle, version);
    }

    private void Evict(WirePacket? of)
    {
        if (of is null)
        {
            _lab.Tables.RemoveAllFlows();
            return;
        }
        var seen = Seen.Of(of);
        _lab.Tables.RemoveFlows((byte)of.Protocol, Bytes(seen.Sender), Bytes(seen.Receiver));

        static (byte[] Address, byte[] Port) Bytes((AddressKey Address, ushort Port) end) =>
            (end.Address.ToAddress().GetAddressBytes(), [(byte)(end.Port >> 8), (byte)end.Port]);
    }

    private string? Difference(PacketStep step, Outcome expected, int version)
    {
        bool passed = _lab.Passes(step);
        ImmutableArray<FlowEvent> events = _lab.TakeEvents();
        string? difference =
            passed != expected.Passes ? $"it {(passed ? "passed" : "was dropped")}" : Reports(expected, events, version) ?? Counts(expected);
        return difference is null
            ? null
            : $"{difference}\noracle:  {string.Join("\n         ", expected.Rulings)}\nreports: {string.Join("\n         ", events)}";
    }

    private string? Reports(Outcome expected, ImmutableArray<FlowEvent> events, int version)
    {
        Ruling[] reported = [.. expected.Rulings.Where(one => one.IsReported)];
        if (reported.Length != events.Length)
        {
            return $"expected {reported.Length} reports";
        }
        return reported.Zip(events).Select(pair => Report(pair.First, pair.Second, version)).FirstOrDefault(one => one is not null);
    }

    private string? Report(Ruling ruling, FlowEvent report, int version)
    {
        Judgement? by = ruling.By;
        (string What, bool IsEqual)[] parts =
        [
            ("unit", report.Unit == _compiled.NumberOf(ruling.Unit)),
            ("direction", report.Direction == ruling.Direction),
            ("verdict", report.Verdict == ruling.Verdict),
            ("reason", report.Reason == ruling.Reason),
            ("rule", Numbers(by?.Rule).Contains(report.RuleIndex)),
            ("observed rule", Numbers(by?.Observed).Contains(report.ObservedRuleIndex)),
            ("observed verdict", report.ObservedVerdict == (by?.ObservedVerdict ?? Verdict.Reject)),
            ("flags", report.Flags == (by?.Flags ?? DescriptorFlags.None)),
            ("generation", report.Generation == _generations[version]),
        ];
        string differing = string.Join(", ", parts.Where(part => !part.IsEqual).Select(part => part.What));
        return differing.Length > 0 ? $"the report differs in {differing}" : null;
    }

    /// <summary>Every packet is counted for the rule that decides it, reported or not; and for the reason it is dropped for.</summary>
    private string? Counts(Outcome expected)
    {
        foreach (IGrouping<RuleIdentity, Ruling> rulings in expected.Rulings.Where(one => one.By is not null).GroupBy(one => one.By!.Rule))
        {
            long moved = Numbers(rulings.Key).Sum(number => Moved(_packetsOfRules, number, _lab.PacketsOfRule(number)));
            if (moved != rulings.Count())
            {
                return $"{rulings.Key} was counted {moved} times";
            }
        }
        foreach (DropReason reason in expected.Rulings.Select(one => one.Reason).Where(one => one != DropReason.None))
        {
            long moved = Moved(_packetsDropped, reason, _lab.PacketsDropped(reason));
            if (moved != 1)
            {
                return $"{reason} was counted {moved} times";
            }
        }
        return null;
    }

    private static long Moved<T>(Dictionary<T, long> known, T key, long now)
        where T : notnull
    {
        long before = known[key];
        known[key] = now;
        return now - before;
    }

    // Rules of one name and place cannot be told apart by who reads about them.
    private int[] Numbers(RuleIdentity? rule) => rule is null ? [0] : _numbers[rule];
}
