using System.Diagnostics;
using System.Globalization;
using Datapath.Agent.Documents;
using Datapath.Agent.Metrics;
using Datapath.Agent.Records;
using Datapath.Backends;
using Datapath.Bench.Packets;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Metrics;

/// <summary>What a scrape of many series costs, and what it costs the packets meanwhile.</summary>
internal static class ScrapeBench
{
    private const int Rules = 5000;
    private const int Scrapes = 30;
    private const int Turns = 10;
    private const int ScrapesOfRound = 5;
    private const int Packets = 1024;
    private const byte Ack = 0x10;
    private const double GoalMilliseconds = 50;
    private const double GoalRatio = 1.05;

    private static readonly FlowNames Names = FlowNames.Of(
        RuleIndexes.Empty.AllocateRules(
            [.. Enumerable.Range(1, Rules).Select(i => new RuleKey(new RuleIdentity(RuleKind.Ruleset, "/shop/europe", $"ruleset-{i / 10}", Direction.Incoming, i % 10, "a-name"), (ulong)i))],
            out int[] _
        ),
        compiled: null,
        resolved: null
    );

    /// <summary>Prints both.</summary>
    public static async Task RunAsync()
    {
        var policy = new PacketPolicy(10_000);
        await using PacketLab lab = await PacketLab.StartAsync(policy);
        LeapingClock clock = new();
        MetricSource source = new(Status, lab.ReadCounters, () => Names, Rules, clock) { Flows = new FlowTotals() };
        using AgentMetrics metrics = new(source, clock);
        using MetricCollector collector = new(metrics);
        MetricsPage page = new(collector);

        // The first ones pay for the just-in-time compiler.
        double[] taken = [.. Enumerable.Range(-10, Scrapes + 10).Select(_ => Scrape(page, clock)).Skip(10)];
        string text = System.Text.Encoding.UTF8.GetString(page.Write(ExpositionFormat.Text).Span);
        int series = text.Split('\n').Count(line => line.Length > 0 && line[0] != '#');
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"a scrape of {series} series, the kernel's counters read anew: {Rounds.Median(taken):F1} ms, at most {taken.Max():F1} ms (goal {GoalMilliseconds} ms), {text.Length / 1e6:F1} MB"
            )
        );

        lab.Use(policy.AllowedIn(Packets, IanaProtocol.Tcp, Ack));
        lab.Run("bench_ingress", 1 << 18);
        var kinds = new (Func<Task> Beside, List<double> Taken)[]
        {
            (() => Task.Delay(TimeSpan.FromMilliseconds(500)), []),
            (() => Task.Run(() => Repeat(() => Work(text))), []),
            (() => Task.Run(() => Repeat(() => Scrape(page, clock))), []),
        };
        for (int round = -1; round < Turns; round++)
        {
            foreach (var kind in kinds)
            {
                IEnumerable<double> costs = Beside.Measure(lab, kind.Beside());
                kind.Taken.AddRange(round < 0 ? [] : costs);
            }
        }

        double[] means = [.. kinds.Select(kind => Beside.TrimmedMean(kind.Taken))];
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"packets beside scrapes without pause: {means[0]:F1} ns beside nothing, {means[1]:F1} ns beside other work, {means[2]:F1} ns beside scrapes; scrapes {means[2] / means[1]:F3} times (goal {GoalRatio})"
            )
        );
    }

    private static double Scrape(MetricsPage page, LeapingClock clock)
    {
        clock.Leap();
        long start = Stopwatch.GetTimestamp();
        page.Write(ExpositionFormat.Text);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static void Repeat(Action work)
    {
        for (int i = 0; i < ScrapesOfRound; i++)
        {
            work();
        }
    }

    // About as long as a scrape, on memory of about the same size, and nothing of the kernel's.
    private static void Work(string text)
    {
        for (int i = 0; i < 10; i++)
        {
            _ = text.Split('\n').OrderBy(line => line, StringComparer.Ordinal).First();
        }
    }

    private static StatusDocument Status() =>
        new(
            "bench", "0", "ebpf", AgentState.Enforcing, 1, true, null, null,
            new PolicyDocument("/", Agent.Documents.PolicyState.Applied, null, [], []),
            [], Rules, new MemoryDocument(0, 0, null, 0), FlowsDocument.Of(FlowUsage.None), new EventCountsDocument(0, 0, 0, 0)
        );

    /// <summary>A clock that is moved on, so that no scrape shows what the one before has read.</summary>
    private sealed class LeapingClock : TimeProvider
    {
        private long _leaps;

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _leaps);

        public void Leap() => Interlocked.Add(ref _leaps, 10 * TimestampFrequency);
    }
}
