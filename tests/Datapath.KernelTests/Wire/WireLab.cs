using System.Collections.Immutable;
using Datapath.KernelTests.Oracle;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.KernelTests.Wire;

/// <summary>The three judges: the oracle, the programs in a lab of their own, iptables on a host with real packets. And a host without any.</summary>
internal sealed class WireLab : IDisposable
{
    private const int SequencesOfCase = 150;
    private const int Segments = 4;
    private const int StrangersKept = 20;

    private readonly SequenceLab _programs = new();
    private readonly WireHost _iptables = new();
    private readonly WireNetwork _bare = new(isTracked: false);
    private readonly WireDriver _bareDriver;
    private ushort _bareName;

    public WireLab() => _bareDriver = new WireDriver(_bare, isTracked: false);

    /// <summary>How many packets <see cref="Difference(SequenceCase)"/> has compared.</summary>
    public int Compared { get; private set; }

    /// <summary>Random sequences under a random policy and its variants. Returns how many packets were compared.</summary>
    public int RunCase(Random random, Reached reached, SortedDictionary<string, int> partings, string name)
    {
        var generator = new RandomPolicy(random);
        var variants = new PolicyVariants(random);
        PolicyCase first = generator.Next();
        while (!CompiledCase.JudgesHost(first) || (first.Inventory.Addresses.IsEmpty && random.Next(4) != 0))
        {
            first = generator.Next();
        }
        PolicyCase second = variants.Next(first);
        ImmutableArray<PolicyCase> versions = [first, second, variants.Next(random.Next(2) == 0 ? first : second)];
        var compiled = new CompiledCase(versions);
        if (!compiled.HasStrangers)
        {
            return 0;
        }
        var sequences = new SequenceGenerator(random, first, generator, compiled.Places, compiled.HostAddresses);
        ImmutableArray<int> schedule = [0, .. Enumerable.Range(1, Segments - 1).Select(_ => random.Next(versions.Length))];
        ImmutableArray<Step>[] steps = [.. Enumerable.Range(0, SequencesOfCase).Select(_ => WireSteps.Sendable(sequences.Next(1).Where(step => step is not PolicyStep), compiled))];
        steps = [.. Passable(compiled, steps).Select(one => Scheduled(random, one, schedule))];
        SequenceJudge programs = _programs.Inside(() => new SequenceJudge(_programs, versions));
        WireSequence[] judged = [.. AskPrograms(programs, steps, reached, name).Select(one => WithFewStrangers(random, one))];
        var judge = new WireJudge(_iptables, versions, schedule, judged, partings);
        if (judge.Run() is { } difference)
        {
            Assert.Fail($"{name}: {difference.What}\n{Smallest(programs, versions, schedule, judged, difference.Sequence)}");
        }
        return judge.Compared;
    }

    /// <summary>How a sequence is judged differently; null when it is not.</summary>
    public string? Difference(SequenceCase one) => Difference(one, _programs.Inside(() => new SequenceJudge(_programs, one.Versions)));

    private string? Difference(SequenceCase one, SequenceJudge judge)
    {
        var compiled = new CompiledCase(one.Versions);
        ImmutableArray<Step> steps = Passable(compiled, [WireSteps.Sendable(one.Steps, compiled)])[0];
        var outcomes = ImmutableArray.CreateBuilder<Outcome>();
        string? programs = _programs.Inside(() => judge.Run(steps, outcomes.Add));
        ImmutableArray<int> schedule = [0, .. steps.OfType<PolicyStep>().Select(step => step.Version)];
        if (programs is not null)
        {
            return programs;
        }
        var wire = new WireJudge(_iptables, one.Versions, schedule, [new WireSequence(steps, outcomes.ToImmutable())], []);
        string? iptables = wire.Run()?.What;
        Compared += wire.Compared;
        return iptables;
    }

    public void Dispose()
    {
        _programs.Dispose();
        _iptables.Dispose();
        _bareDriver.Dispose();
        _bare.Dispose();
    }

    /// <summary>What a kernel without policy lets through: the rest is not compared.</summary>
    private ImmutableArray<Step>[] Passable(CompiledCase compiled, ImmutableArray<Step>[] sequences)
    {
        _bare.SetAddresses(compiled.HostAddresses);
        return _bare.OnHost(() =>
        {
            WireDriver.StayOnThisProcessor();
            return sequences.Select(Passable).ToArray();
        });
    }

    private ImmutableArray<Step> Passable(ImmutableArray<Step> steps)
    {
        var shots = new List<WireShot>();
        var names = new ushort[steps.Length];
        for (int i = 0; i < steps.Length; i++)
        {
            if (steps[i] is PacketStep { Packet.Fragment: not FragmentPart.Later } packet)
            {
                _bareName = WireShot.NameAfter(_bareName);
                shots.Add(new WireShot(packet, 1, _bareName));
            }
            // The later fragment goes the way of the first.
            names[i] = _bareName;
        }
        var bytes = new WireBytes();
        HashSet<ushort> passed = _bareDriver.Cross(shots, shot => bytes.Of(shot.Step.Packet, shot.Name));
        return [.. steps.Where((step, at) => step is not PacketStep || passed.Contains(names[at]))];
    }

    /// <summary>The steps, cut into pieces at random, with the policies of a schedule between them.</summary>
    private static ImmutableArray<Step> Scheduled(Random random, ImmutableArray<Step> steps, ImmutableArray<int> schedule)
    {
        int[] cuts = [.. schedule[1..].Select(_ => random.Next(steps.Length + 1)).Order()];
        var scheduled = steps.ToBuilder();
        for (int i = cuts.Length - 1; i >= 0; i--)
        {
            // Fragments of one datagram are sent together.
            int at = cuts[i] < steps.Length && steps[cuts[i]] is PacketStep { Packet.Fragment: FragmentPart.Later } ? cuts[i] - 1 : cuts[i];
            scheduled.Insert(at, new PolicyStep(schedule[i + 1]));
        }
        return scheduled.ToImmutable();
    }

    /// <summary>Most packets that nobody judges are left out: they change nothing.</summary>
    private static WireSequence WithFewStrangers(Random random, WireSequence one)
    {
        var steps = ImmutableArray.CreateBuilder<Step>();
        var outcomes = ImmutableArray.CreateBuilder<Outcome>();
        bool isLeftOut = false;
        int number = 0;
        foreach (Step step in one.Steps)
        {
            if (step is PacketStep packet)
            {
                Outcome outcome = one.Outcomes[number++];
                // The later fragment goes the way of the first.
                isLeftOut = packet.Packet.Fragment == FragmentPart.Later ? isLeftOut : outcome.Rulings.IsEmpty && random.Next(StrangersKept) != 0;
                if (isLeftOut)
                {
                    continue;
                }
                outcomes.Add(outcome);
            }
            steps.Add(step);
        }
        return new WireSequence(steps.ToImmutable(), outcomes.ToImmutable());
    }

    private List<WireSequence> AskPrograms(SequenceJudge judge, ImmutableArray<Step>[] sequences, Reached reached, string name) =>
        _programs.Inside(() =>
        {
            var judged = new List<WireSequence>();
            foreach (ImmutableArray<Step> steps in sequences)
            {
                var outcomes = ImmutableArray.CreateBuilder<Outcome>();
                string? difference = judge.Run(steps, outcomes.Add);
                Assert.True(difference is null, $"{name}, programs: {difference}");
                judged.Add(new WireSequence(steps, outcomes.ToImmutable()));
                foreach (Outcome outcome in outcomes)
                {
                    reached.Add(outcome);
                }
            }
            return judged;
        });

    /// <summary>What is left of a failing case when all is taken away that it fails without.</summary>
    private string Smallest(SequenceJudge programs, ImmutableArray<PolicyCase> versions, ImmutableArray<int> schedule, WireSequence[] sequences, int? failing)
    {
        // What was counted wrong does not tell whose packet it was: half of the sequences, and half of these, until one is left.
        WireSequence[] left = failing is { } only ? [sequences[only]] : sequences;
        while (left.Length > 1)
        {
            WireSequence[][] halves = [left[..(left.Length / 2)], left[(left.Length / 2)..]];
            WireSequence[]? half = halves.FirstOrDefault(one => new WireJudge(_iptables, versions, schedule, one, []).Run() is not null);
            if (half is null)
            {
                return $"no half of {left.Length} sequences fails alone";
            }
            left = half;
        }
        var one = new SequenceCase(versions, left[0].Steps);
        one = one with { Steps = SequenceShrinker.Shrink(one.Steps, steps => Difference(one with { Steps = steps }, programs) is not null) };
        string path = Path.Combine(AppContext.BaseDirectory, "failed-on-the-wire.scenario");
        string text = ScenarioText.Of(one, Difference(one, programs) ?? "the smallest sequence no longer differs");
        File.WriteAllText(path, text);
        return $"smallest, for {Scenarios.Folder} (also in {path}):\n{text}";
    }
}
