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
    private readonly TrackedConnections _connections = new();
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
        foreach (WireShot shot in sent)
        {
            (int sequence, WireTurn turn) = shots[shot.Name];
            if (Judge(sequence, turn, shot, passed.Contains(shot.Name), version) is { } difference)
            {
                return ($"{StepText.Of(turn.Step)}: {difference}", sequence);
            }
        }
        return null;
    }

    private string? Judge(int sequence, WireTurn turn, WireShot shot, bool passed, int version)
    {
        WirePacket packet = turn.Step.Packet;
        char tracked = _host.Driver.Tracked.GetValueOrDefault(shot.Name, '-');
        if (_connections.WrongMark(shot.Zone, packet, tracked) is { } wrong)
        {
            return $"tracked as {tracked}: {wrong}";
        }
        (Outcome expected, bool passes) = (turn.Expected, turn.Passes);
        if (Parting.Of(turn, shot.Zone, tracked, _connections) is { } parting)
        {
            Part(sequence, parting);
            expected = OfStranger(turn.Step, version);
            passes = expected.Passes;
        }
        bool wasOpened = _connections.WasOpened(shot.Zone, packet);
        Note(expected, packet, tracked, wasOpened);
        Compared += expected.Rulings.IsEmpty ? 0 : 1;
        bool opens = expected.Rulings.Any(ruling => Opens(ruling, packet, tracked));
        if (opens && !expected.Passes && !wasOpened && !_isParted[sequence] && packet.Protocol == ProtocolNumber.Tcp && tracked is 'P' or 'Q')
        {
            // The mark of the connection is for both judges, and stays.
            Part(sequence, Parting.OpenToOneJudge);
        }
        _connections.Follow(shot.Zone, packet, tracked, opens, passed);
        return passed == passes ? null : $"it {(passes ? "was dropped" : "passed")}, tracked as {tracked}\noracle: {string.Join("\n        ", expected.Rulings)}";
    }

    /// <summary>From here on the two remember different things.</summary>
    private void Part(int sequence, string why)
    {
        _isParted[sequence] = true;
        _partings[why] = _partings.GetValueOrDefault(why) + 1;
    }

    /// <summary>What ought to become of a packet that connection tracking holds for another connection's: it is one of no flow.</summary>
    private Outcome OfStranger(PacketStep step, int version)
    {
        var stranger = new FlowOracle(_compiled.Places, _compiled.HostAddresses);
        stranger.Enforce(_books[version], generation: 1);
        return stranger.Judge(step);
    }

    private void Note(Outcome expected, WirePacket packet, char tracked, bool wasOpened)
    {
        bool isOpened = false;
        foreach (Ruling ruling in expected.Rulings)
        {
            if (ruling.By is { } by && ruling.Why != "error about a flow")
            {
                _expectedCounts[by.Rule] = _expectedCounts.GetValueOrDefault(by.Rule) + 1;
            }
            bool opens = Opens(ruling, packet, tracked);
            // Of a connection that is there already the mark tells whether it is new, and whoever judges first writes it.
            bool isNew = opens && (tracked == 'N' || (tracked is 'P' or 'Q' && !isOpened));
            if (ruling.Reason != DropReason.None ? ruling.IsReported : isNew && ruling.By!.Flags.HasFlag(DescriptorFlags.Log))
            {
                // A connection that was there and that the judge before has let open just now looks like one of before. And one that has closed to
                // the oracle may be there yet, with a mark of ours.
                bool isOfOld = ruling.Why == FlowOracle.SynAfterEnd && wasOpened && (tracked is 'M' or 'O' or 'P' or 'Q');
                bool looksRevoked = ruling.Reason == DropReason.Policy && ((isOpened && tracked != 'N') || isOfOld);
                _expectedEvents.Add(Text(looksRevoked ? ruling with { Reason = DropReason.Revoked } : ruling, packet));
            }
            isOpened |= opens;
        }
    }

    /// <summary>Whether a judge lets a packet open a flow as connection tracking sees it: of TCP a bare SYN, of others what is new.</summary>
    private static bool Opens(Ruling ruling, WirePacket packet, char tracked) =>
        ruling is { Verdict: Verdict.Allow, By: { } by }
        && !by.Flags.HasFlag(DescriptorFlags.BuiltIn)
        && by.Rule.Kind != RuleKind.Local
        && ruling.Why is not ("answer" or "error about a flow")
        && (packet.Protocol == ProtocolNumber.Tcp ? Seen.Of(packet).IsOpeningSyn && tracked is 'N' or 'M' or 'P' or 'Q' or 'O' : tracked is 'N' or 'M' or 'P');

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
        string[] actual = [.. _host.TakeEvents(_expectedEvents.Count).Select(one => one.Generation == generation ? Text(one) : $"{Text(one)} generation {one.Generation}")];
        string[] expected = [.. _expectedEvents];
        _expectedEvents.Clear();
        string[] missing = Without(expected, actual);
        string[] surplus = Without(actual, expected);
        return missing.Length + surplus.Length == 0 ? null : $"not reported:\n  {string.Join("\n  ", missing.Take(5))}\nreported instead:\n  {string.Join("\n  ", surplus.Take(5))}";
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
