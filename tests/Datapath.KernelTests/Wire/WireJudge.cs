using System.Collections.Immutable;
using System.Globalization;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;
using Datapath.Tests.Support;

namespace Datapath.KernelTests.Wire;

/// <summary>Runs sequences side by side through real iptables, each in zones of connection tracking of its own, and compares with the oracle.</summary>
internal sealed class WireJudge
{
    /// <summary>Why sequences of SCTP end early: their packets are no associations that connection tracking would know.</summary>
    public const string Sctp = "SCTP";

    private const int SctpProtocol = 132;

    private readonly WireHost _host;
    private readonly CompiledCase _compiled;
    private readonly RuleBook[] _books;
    private readonly ImmutableArray<int> _schedule;
    private readonly WireSequence[] _sequences;
    private readonly Dictionary<RuleIdentity, int[]> _numbers;
    private readonly WireBytes[] _bytes;
    private readonly int[] _memories;
    private readonly bool[] _isParted;
    private readonly SortedDictionary<string, int> _partings;
    private readonly Dictionary<RuleIdentity, long> _expectedCounts = [];
    private readonly List<string> _expectedEvents = [];
    private int _usedMemories;
    private ushort _lastName;

    /// <param name="host">Where.</param>
    /// <param name="versions">The policies.</param>
    /// <param name="schedule">Which is in force, one after the other.</param>
    /// <param name="sequences">What happens.</param>
    /// <param name="partings">Counts why sequences ended early: see decision 0020.</param>
    public WireJudge(WireHost host, ImmutableArray<PolicyCase> versions, ImmutableArray<int> schedule, IEnumerable<WireSequence> sequences, SortedDictionary<string, int> partings)
    {
        (_host, _compiled, _schedule, _sequences, _partings) = (host, new CompiledCase(versions), schedule, [.. sequences], partings);
        _books = [.. versions.Select(version => new RuleBook(version))];
        _numbers = _compiled
            .Versions.SelectMany(one => one.Rules)
            .GroupBy(rule => rule.Rule, rule => rule.Index)
            .ToDictionary(group => group.Key, group => group.Distinct().ToArray());
        _bytes = [.. _sequences.Select(_ => new WireBytes())];
        _memories = [.. _sequences.Select(_ => _usedMemories++)];
        _isParted = new bool[_sequences.Length];
    }

    /// <summary>How many packets were compared that somebody judges.</summary>
    public int Compared { get; private set; }

    /// <summary>Runs all of them. Returns the first difference, and which sequence shows it if one does; null when there is none.</summary>
    public (string What, int? Sequence)? Run()
    {
        _host.Begin(_compiled);
        return _host.Network.OnHost(RunAll);
    }

    private (string, int?)? RunAll()
    {
        WireDriver.StayOnThisProcessor();
        ImmutableArray<ImmutableArray<WireTurn>>[] segments = [.. _sequences.Select(one => one.Segments())];
        for (int i = 0; i < _schedule.Length; i++)
        {
            uint generation = _host.Enforce(_compiled, _schedule[i]);
            int rounds = segments.Max(one => one[i].Length);
            for (int round = 0; round < rounds; round++)
            {
                (int Sequence, WireTurn Turn)[] turns =
                [
                    .. Enumerable.Range(0, segments.Length).Where(one => !_isParted[one] && round < segments[one][i].Length).Select(one => (one, segments[one][i][round])),
                ];
                if (Round(turns, _schedule[i]) is { } difference)
                {
                    return difference;
                }
            }
            if ((Counts() ?? Events(generation)) is { } counted)
            {
                return ($"under policy {_schedule[i]}: {counted}", null);
            }
        }
        return null;
    }

    private (string, int?)? Round((int Sequence, WireTurn Turn)[] turns, int version)
    {
        var shots = new Dictionary<ushort, (int Sequence, WireTurn Turn)>();
        var sent = new List<WireShot>();
        foreach ((int sequence, WireTurn turn) in turns)
        {
            _memories[sequence] = turn.IsForgotten ? _usedMemories++ : _memories[sequence];
            // What crosses at two places crosses two hosts, as far as connection tracking knows: in real life it would be judged at both.
            int place = _compiled.Places.IndexOf(_compiled.Places.Single(one => one.Interface == turn.Step.Interface));
            _lastName = WireShot.NameAfter(_lastName);
            sent.Add(new WireShot(turn.Step, 1 + (_memories[sequence] * _compiled.Places.Length) + place, _lastName));
            shots.Add(_lastName, (sequence, turn));
        }
        HashSet<ushort> passed = _host.Driver.Cross(sent, shot => _bytes[shots[shot.Name].Sequence].Of(shot.Step.Packet, shot.Name));
        foreach ((ushort name, (int sequence, WireTurn turn)) in shots)
        {
            char tracked = _host.Driver.Tracked.GetValueOrDefault(name, '-');
            (Outcome expected, bool passes) = Expected(sequence, turn, tracked, version);
            Note(expected, turn.Step.Packet, tracked);
            Compared += expected.Rulings.IsEmpty ? 0 : 1;
            if (passed.Contains(name) != passes)
            {
                return ($"{StepText.Of(turn.Step)}: it {(passes ? "was dropped" : "passed")}, tracked as {tracked}\noracle: {string.Join("\n        ", expected.Rulings)}", sequence);
            }
        }
        return null;
    }

    /// <summary>What ought to become of a packet: what the oracle says, but where connection tracking holds it for another connection's.</summary>
    private (Outcome Expected, bool Passes) Expected(int sequence, WireTurn turn, char tracked, int version)
    {
        if (Parting(turn, tracked) is not { } parting)
        {
            return (turn.Expected, turn.Passes);
        }
        // From here on the two remember different things.
        _isParted[sequence] = true;
        _partings[parting] = _partings.GetValueOrDefault(parting) + 1;
        var stranger = new FlowOracle(_compiled.Places, _compiled.HostAddresses);
        stranger.Enforce(_books[version], generation: 1);
        Outcome outcome = stranger.Judge(turn.Step);
        return (outcome, outcome.Passes);
    }

    private static string? Parting(WireTurn turn, char tracked)
    {
        // ICMP without an identifier belongs to no flow: nothing answers it.
        bool isOfAFlow = !turn.Step.Packet.IsIcmp || turn.Step.Packet.IsEcho;
        foreach (Ruling ruling in turn.Expected.Rulings)
        {
            string? parting = ruling.Why switch
            {
                "answer" or "answer to a revoked opener" when tracked != 'A' => $"an answer, tracked as {tracked}",
                "error about a flow" when tracked != 'R' => $"an error about a flow, tracked as {tracked}",
                "opens" or "opens again" when isOfAFlow && tracked is not ('N' or 'M' or 'P') => $"opens a flow, tracked as {tracked}",
                "of a flow, by its own right" when isOfAFlow && tracked == 'N' => "of a flow, tracked as another's",
                "opener revoked" when tracked is not ('M' or 'P' or 'O') => $"an opener's, tracked as {tracked}",
                _ => null,
            };
            if (parting is not null)
            {
                return turn.Step.Packet.Protocol == SctpProtocol ? Sctp : parting;
            }
        }
        return null;
    }

    private void Note(Outcome expected, WirePacket packet, char tracked)
    {
        foreach (Ruling ruling in expected.Rulings)
        {
            if (ruling.By is { } by && ruling.Why != "error about a flow")
            {
                _expectedCounts[by.Rule] = _expectedCounts.GetValueOrDefault(by.Rule) + 1;
            }
            if (ruling.Reason != DropReason.None ? ruling.IsReported : IsSeenToOpen(ruling, packet, tracked, isFirst: ruling == expected.Rulings[0]))
            {
                _expectedEvents.Add(Text(ruling, packet));
            }
        }
    }

    /// <summary>Whether connection tracking sees a new flow, of which iptables tells.</summary>
    private static bool IsSeenToOpen(Ruling ruling, WirePacket packet, char tracked, bool isFirst) =>
        ruling.By is { } by
        && by.Flags.HasFlag(DescriptorFlags.Log)
        && tracked switch
        {
            // Kinds of ICMP without an identifier are flows of the oracle's, and with one of connection tracking's: each counts its own.
            'N' => ruling.IsNewFlow || (packet.IsIcmp && ruling.Why == "of a flow, by its own right"),
            // What was taken up in the middle is opened by its first SYN.
            'P' => ruling.IsNewFlow && isFirst,
            _ => false,
        };

    private string? Counts()
    {
        Dictionary<int, long> counted = _host.TakeCounts();
        string? difference = null;
        foreach ((RuleIdentity rule, int[] numbers) in _numbers)
        {
            long moved = numbers.Sum(number => counted.GetValueOrDefault(number));
            long expected = _expectedCounts.GetValueOrDefault(rule);
            if (moved != expected)
            {
                difference += $"{rule} was counted {moved} times instead of {expected}\n";
            }
        }
        _expectedCounts.Clear();
        return difference;
    }

    private string? Events(uint generation)
    {
        FlowEvent[] events = [.. _host.TakeEvents()];
        string[] actual = [.. events.Select(TextWithGeneration)];
        // A drop is reported once and by its rule. What passes is reported more often than the oracle sees flows open, for connection tracking has
        // another idea of a new one; the rule of each packet that passes is compared by what it counted.
        string[] drops = [.. events.Where(one => one.Reason != DropReason.None).Select(TextWithGeneration)];
        string[] expected = [.. _expectedEvents];
        _expectedEvents.Clear();
        string[] missing = Without(expected, actual);
        string[] surplus = Without(drops, expected);
        return missing.Length + surplus.Length == 0 ? null : $"not reported:\n  {string.Join("\n  ", missing.Take(5))}\nreported instead:\n  {string.Join("\n  ", surplus.Take(5))}";

        string TextWithGeneration(FlowEvent one) => one.Generation == generation ? Text(one) : $"{Text(one)} generation {one.Generation}";
    }

    private static string[] Without(string[] these, string[] those)
    {
        Dictionary<string, int> left = those.GroupBy(one => one).ToDictionary(group => group.Key, group => group.Count());
        return [.. these.Where(one => (left[one] = left.GetValueOrDefault(one) - 1) < 0)];
    }

    private string Text(Ruling ruling, WirePacket packet)
    {
        var seen = Seen.Of(packet);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_compiled.NumberOf(ruling.Unit)} {ruling.Direction} {ruling.Reason} {Name(Numbers(ruling.By?.Rule))} observed {Name(Numbers(ruling.By?.Observed))} {ruling.By?.ObservedVerdict ?? Verdict.Reject} {ruling.By?.Flags} {seen.Protocol} {seen.Source} {seen.SourcePort} {seen.Destination} {seen.Key}"
        );
    }

    private string Text(FlowEvent one) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{one.Unit} {one.Direction} {one.Reason} {Name([one.RuleIndex])} observed {Name([one.ObservedRuleIndex])} {one.ObservedVerdict} {one.Flags} {one.Protocol} {one.Source} {one.SourcePort} {one.Destination} {one.DestinationKey}"
        );

    // Rules of one name and place cannot be told apart by who reads about them.
    private int[] Numbers(RuleIdentity? rule) => rule is null ? [0] : _numbers[rule];

    private string Name(int[] numbers) => _numbers.FirstOrDefault(one => one.Value.Contains(numbers[0])).Key?.ToString() ?? $"rule {numbers[0]}";
}
