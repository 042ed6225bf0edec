using System.Diagnostics;
using System.Diagnostics.Metrics;
using Datapath.Agent.Documents;
using Datapath.Backends;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Metrics;

/// <summary>How a policy that was to be put in force ended.</summary>
internal enum ApplyResult
{
    /// <summary>The kernel judges by it now.</summary>
    Applied,

    /// <summary>The kernel judged by it already.</summary>
    Unchanged,

    /// <summary>It has errors.</summary>
    Refused,

    /// <summary>The kernel would not have it.</summary>
    NotTaken,
}

/// <summary>
/// The one meter of the agent. Whoever exports metrics listens to it, be it our own page or another exporter; nothing is counted twice, the instruments
/// ask who counts.
/// </summary>
internal sealed class AgentMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Datapath";

    private static readonly (ApplyResult Result, string Word)[] Results =
        [(ApplyResult.Applied, "applied"), (ApplyResult.Unchanged, "unchanged"), (ApplyResult.Refused, "refused"), (ApplyResult.NotTaken, "not-taken")];

    private static readonly string[] States =
        [Documents.PolicyState.Pending, Documents.PolicyState.Applied, Documents.PolicyState.Refused, Documents.PolicyState.NotTaken, Documents.PolicyState.Waiting, Documents.PolicyState.RolledBack];

    private static readonly string[] SeverityWords = ["error", "warning"];

    // From a few rules to the largest policies on a busy machine.
    private static readonly double[] ApplySeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private readonly Meter _meter = new(MeterName, AgentVersion.Current.Number);
    private readonly Histogram<double> _applySeconds;
    private readonly TimeProvider _clock;
    private readonly long[] _applies = new long[Results.Length];
    private readonly long _start;
    private long _repairs;
    private long _lastApply;

    // In milliseconds; negative while no interface has come.
    private long _attachDelay = -1;

    /// <summary>Instruments of everything that the agent counts.</summary>
    /// <param name="source">Where they look.</param>
    /// <param name="clock">Says when something happened.</param>
    public AgentMetrics(MetricSource source, TimeProvider clock)
    {
        (_clock, _start) = (clock, clock.GetUtcNow().ToUnixTimeSeconds());
        MetricDescription duration = MetricTable.ApplyDuration;
        _applySeconds = _meter.CreateHistogram(duration.Name, duration.Unit, duration.Help, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = ApplySeconds });
        OfJudgements(source);
        OfPolicies(() => source.Status);
        Observe<long>(MetricTable.Flows, () => source.Flows.Current.Select(one => new Sample<long>(one.Count, one.Namespace, ActionOf(one.Verdict))));
        OfRecords(() => source.Status, () => source.Kernel.Counters.Statistics);
        OfProcess(() => source.Status);
    }

    /// <summary>Whether an instrument is one of these.</summary>
    /// <param name="instrument">Of any meter.</param>
    public bool IsOurs(Instrument instrument) => ReferenceEquals(instrument.Meter, _meter);

    /// <summary>A policy was to be put in force.</summary>
    /// <param name="result">What came of it.</param>
    /// <param name="took">How long that took.</param>
    public void NoteApply(ApplyResult result, TimeSpan took)
    {
        Interlocked.Increment(ref _applies[(int)result]);
        if (result == ApplyResult.Applied)
        {
            Volatile.Write(ref _lastApply, _clock.GetUtcNow().ToUnixTimeSeconds());
            _applySeconds.Record(took.TotalSeconds);
        }
    }

    /// <summary>An interface came while the agent ran, and its packets are judged.</summary>
    /// <param name="delay">Since it was heard of.</param>
    public void NoteAttachDelay(TimeSpan delay) => Volatile.Write(ref _attachDelay, (long)delay.TotalMilliseconds);

    /// <summary>What somebody had changed was put back.</summary>
    public void NoteRepair() => Interlocked.Increment(ref _repairs);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void OfJudgements(MetricSource source)
    {
        Observe<long>(MetricTable.VerdictPackets, () => source.Kernel.Counters.Verdicts.Select(one => Judged(one, one.Count.Packets)));
        Observe<long>(MetricTable.VerdictBytes, () => source.Kernel.Counters.Verdicts.Select(one => Judged(one, one.Count.Bytes)));
        Observe<long>(MetricTable.RulePackets, () => source.Kernel.Rules.Rules.Select(one => Rule(one.Rule, one.Count.Packets)));
        Observe<long>(MetricTable.RuleBytes, () => source.Kernel.Rules.Rules.Select(one => Rule(one.Rule, one.Count.Bytes)));
        Observe<long>(MetricTable.RulesUnlisted, () => One(source.Kernel.Rules.Unlisted));
        Observe<long>(MetricTable.ExemptPackets, () => Statistics(source.Kernel.Counters, StatisticWords.Exempt));
        Observe<long>(MetricTable.Inserts, () => Statistics(source.Kernel.Counters, StatisticWords.Inserts));
        Observe<long>(MetricTable.Resets, () => Statistics(source.Kernel.Counters, StatisticWords.Resets));
        Observe<long>(MetricTable.BackendFailures, () => One(source.Kernel.Failures));
        Observe<long>(MetricTable.TableEntries, () => source.Status.Flows.Tables.Select(table => new Sample<long>(table.Entries, table.Name)));
        Observe<long>(MetricTable.TableLimit, () => source.Status.Flows.Tables.Select(table => new Sample<long>(table.Limit, table.Name)));
        Observe<long>(MetricTable.InsertFailures, () => [new Sample<long>(source.Status.Flows.NotRecorded, "new"), new Sample<long>(source.Status.Flows.NotPromoted, "proved")]);
    }

    private void OfPolicies(Func<StatusDocument> status)
    {
        Observe<long>(MetricTable.Generation, () => One(status().Generation));
        Observe<long>(MetricTable.PolicyState, () => States.Select(state => new Sample<long>(status().Policy.State == state ? 1 : 0, state)));
        Observe<long>(MetricTable.Applies, () => Results.Select(one => new Sample<long>(Interlocked.Read(ref _applies[(int)one.Result]), one.Word)));
        Observe<long>(MetricTable.ApplyTime, () => One(Volatile.Read(ref _lastApply)));
        Observe<long>(MetricTable.Diagnostics, () => Severities(status().Policy));
        Observe<long>(MetricTable.Rules, () => One(status().Rules));
        Observe<long>(MetricTable.PolicyMemory, () => One(status().Memory.UsedBytes));
        Observe<long>(MetricTable.PolicyMemoryLimit, () => One(status().Memory.AvailableBytes));
        Observe<long>(MetricTable.LeaseLeft, () => status().Lease is { } lease ? [new Sample<long>(lease.SecondsLeft, lease.Kind)] : []);
        Observe<long>(MetricTable.Repairs, () => One(Interlocked.Read(ref _repairs)));
        Observe<double>(MetricTable.AttachDelay, () => Volatile.Read(ref _attachDelay) is >= 0 and var delay ? [new Sample<double>(delay / 1e3)] : []);
        Observe<long>(MetricTable.Units, () => Places(status()));
    }

    private void OfRecords(Func<StatusDocument> status, Func<IReadOnlyDictionary<string, long>> statistics)
    {
        Observe<long>(MetricTable.Events, () => One(status().Events.Received));
        Observe<long>(
            MetricTable.EventsLost,
            () =>
                StatisticWords.Lost.Where(one => statistics().ContainsKey(one.Key)).Select(one => new Sample<long>(statistics()[one.Key], one.Value))
                    .Append(new Sample<long>(status().Records.Dropped, "queue"))
                    .Append(new Sample<long>(status().Events.Lost, "listener"))
        );
        Observe<long>(MetricTable.Records, () => One(status().Records.Made));
        Observe<long>(MetricTable.Aggregated, () => One(status().Records.Flows));
        Observe<long>(MetricTable.Displaced, () => One(status().Records.Displaced));
        Observe<long>(MetricTable.SinkDelivered, () => status().Records.Sinks.Select(sink => new Sample<long>(sink.Delivered, sink.Name)));
        Observe<long>(MetricTable.SinkDropped, () => status().Records.Sinks.Select(sink => new Sample<long>(sink.Dropped, sink.Name)));
        Observe<long>(MetricTable.SinkFailures, () => status().Records.Sinks.Select(sink => new Sample<long>(sink.Failures, sink.Name)));
    }

    private void OfProcess(Func<StatusDocument> status)
    {
        Observe<long>(MetricTable.Build, () => [new Sample<long>(1, AgentVersion.Current.Number)]);
        Observe<long>(MetricTable.Backend, () => [new Sample<long>(1, status().Backend, Attached(status()))]);
        Observe<double>(MetricTable.ProcessCpu, () => [new Sample<double>(ProcessFacts.CpuSeconds)]);
        Observe<long>(MetricTable.ProcessResident, () => One(ProcessFacts.ResidentBytes));
        Observe<long>(MetricTable.ProcessVirtual, () => One(ProcessFacts.VirtualBytes));
        Observe<long>(MetricTable.ProcessStart, () => One(_start));
        Observe<long>(MetricTable.ProcessOpenFiles, () => One(ProcessFacts.OpenFiles));
        Observe<long>(MetricTable.ProcessMaxFiles, () => One(ProcessFacts.MaxFiles));
    }

    private void Observe<T>(MetricDescription what, Func<IEnumerable<Sample<T>>> samples)
        where T : struct
    {
        Func<IEnumerable<Measurement<T>>> measure = () => samples().Select(sample => Measured(what, sample));
        _ = what.Kind == MetricKind.Counter
            ? (Instrument)_meter.CreateObservableCounter(what.Name, measure, what.Unit, what.Help)
            : _meter.CreateObservableGauge(what.Name, measure, what.Unit, what.Help);
    }

    private static Measurement<T> Measured<T>(MetricDescription what, Sample<T> sample)
        where T : struct
    {
        TagList tags = default;
        for (int i = 0; i < sample.Labels.Length; i++)
        {
            tags.Add(what.Labels[i], sample.Labels[i]);
        }

        return new Measurement<T>(sample.Value, tags);
    }

    private static IEnumerable<Sample<long>> One(long value) => [new Sample<long>(value)];

    private static Sample<long> Judged(VerdictCount one, long count)
    {
        bool isPassed = one.Reason == DropReason.None;
        return new Sample<long>(count, ActionOf(isPassed ? Verdict.Allow : Verdict.Reject), FlowWords.Of(one.Direction), one.Hook, isPassed ? "none" : FlowWords.Of(one.Reason));
    }

    private static string ActionOf(Verdict verdict) => verdict == Verdict.Allow ? "accept" : "reject";

    private static Sample<long> Rule(RuleIdentity rule, long count) =>
        new(count, FlowWords.Of(rule.Kind), rule.Namespace, rule.Ruleset, FlowWords.Of(rule.Direction), rule.Position.ToString(provider: null), rule.RuleName);

    private static IEnumerable<Sample<long>> Statistics(BackendCounters counters, IEnumerable<KeyValuePair<string, string>> words) =>
        words
            .Where(one => counters.Statistics.ContainsKey(one.Key))
            .Select(one => one.Value.Length > 0 ? new Sample<long>(counters.Statistics[one.Key], one.Value) : new Sample<long>(counters.Statistics[one.Key]));

    private static IEnumerable<Sample<long>> Severities(PolicyDocument policy) =>
        SeverityWords.Select(word => new Sample<long>(policy.Diagnostics.Count(one => one.Severity == word), word));

    private static IEnumerable<Sample<long>> Places(StatusDocument status)
    {
        int absent = status.Units.Count(unit => unit.NotEnforced is not null);
        return [new Sample<long>(status.Units.Length - absent, "enforced"), new Sample<long>(absent, "not-enforced")];
    }

    private static string Attached(StatusDocument status)
    {
        string[] hooks = [.. status.Units.SelectMany(unit => unit.AttachedTo).Select(place => place.Hooks).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return hooks.Length > 0 ? string.Join(',', hooks) : "none";
    }
}
