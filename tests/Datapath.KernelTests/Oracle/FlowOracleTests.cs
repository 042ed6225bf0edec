using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Datapath.KernelTests.Support;
using Datapath.Shared.Sequences;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.KernelTests.Oracle;

/// <summary>Oracle, tables and shipped programs give one answer, packet by packet: random policies, random sequences.</summary>
public sealed class FlowOracleTests(ITestOutputHelper output)
{
    private const int InOneRun = 100_000;
    private const int SequencesOfCase = 100;

    // Few random policies exclude networks: without this one run in twenty would reach no such packet.
    private const int BetweenExcluding = 8;
    private static readonly TimeSpan BetweenProgress = TimeSpan.FromSeconds(20);

    private static int Packets =>
        int.Parse(Environment.GetEnvironmentVariable("DATAPATH_ORACLE_PACKETS") ?? $"{InOneRun}", CultureInfo.InvariantCulture);

    private static int Seed =>
        Environment.GetEnvironmentVariable("DATAPATH_PROPERTY_SEED") is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : Random.Shared.Next();

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Programs_answer_like_the_oracle_after_every_packet(bool xdp)
    {
        int seed = Seed;
        output.WriteLine($"DATAPATH_PROPERTY_SEED={seed}, {Packets} packets");
        var reached = new Reached();
        long start = Stopwatch.GetTimestamp();
        using var lab = new SequenceLab(xdp);
        int done = lab.Inside(() => RunAll(lab, seed, reached));
        output.WriteLine($"ran {done} of {Packets} packets in {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s, reached:\n{reached}");
        Assert.True(done >= Packets, $"ran {done} of {Packets}");
        Assert.Empty(reached.Missing());
        // A program that left everything to tc would agree as well.
        Assert.Equal(xdp, lab.DroppedEarly > done / 1000);
    }

    private int RunAll(SequenceLab lab, int seed, Reached reached)
    {
        int done = 0;
        long told = Stopwatch.GetTimestamp();
        for (int number = 0; done < Packets; number++)
        {
            var random = new Random(unchecked((seed * 1_000_003) + number));
            done += RunCase(lab, random, reached, number % BetweenExcluding == 0, $"seed {seed}, policy {number}");
            if (Stopwatch.GetElapsedTime(told) > BetweenProgress)
            {
                told = Stopwatch.GetTimestamp();
                output.WriteLine($"{done} of {Packets} packets");
            }
        }
        return done;
    }

    private static int RunCase(SequenceLab lab, Random random, Reached reached, bool excludes, string name)
    {
        var generator = new RandomPolicy(random);
        var variants = new PolicyVariants(random);
        PolicyCase first = generator.Next();
        while (!CompiledCase.JudgesHost(first) || (excludes && !CompiledCase.Excludes(first)) || (first.Inventory.Addresses.IsEmpty && random.Next(4) != 0))
        {
            first = generator.Next();
        }
        PolicyCase second = variants.Next(first);
        ImmutableArray<PolicyCase> versions = [first, second, variants.Next(random.Next(2) == 0 ? first : second)];
        var judge = new SequenceJudge(lab, versions);
        if (!judge.IsComparable)
        {
            return 0;
        }
        var sequences = new SequenceGenerator(random, first, generator, judge.Places, judge.HostAddresses);
        int done = 0;
        for (int i = 0; i < SequencesOfCase; i++)
        {
            ImmutableArray<Step> steps = sequences.Next(versions.Length);
            if (judge.Run(steps, reached.Add) is { } difference)
            {
                Assert.Fail($"{name}: {difference}\n{Smallest(lab, judge, new SequenceCase(versions, steps))}");
            }
            done += steps.Count(step => step is PacketStep);
        }
        return done;
    }

    /// <summary>What is left of a failing case when all is taken away that it fails without, and how it fails then.</summary>
    private static string Smallest(SequenceLab lab, SequenceJudge judge, SequenceCase one)
    {
        one = one with { Steps = SequenceShrinker.Shrink(one.Steps, steps => judge.Run(steps) is not null) };
        one = SequenceShrinker.ShrinkPolicies(one, candidate => new SequenceJudge(lab, candidate.Versions).Run(candidate.Steps) is not null);
        string? difference = new SequenceJudge(lab, one.Versions).Run(one.Steps);
        string path = Path.Combine(AppContext.BaseDirectory, "failed.scenario");
        string text = ScenarioText.Of(one, difference ?? "the smallest sequence no longer differs");
        File.WriteAllText(path, text);
        return $"smallest, for {Scenarios.Folder} (also in {path}):\n{text}";
    }
}
