using System.Collections.Immutable;

namespace Datapath.Agent.Metrics;

/// <summary>Every metric of the agent, once: the instruments and <c>docs/metrics.md</c> are made of this table.</summary>
internal static class MetricTable
{
    public static readonly MetricDescription Build = Info("datapath.build.info", "Which program this is", "version");
    public static readonly MetricDescription Backend = Info("datapath.backend.info", "What judges packets and where it is attached: tcx, clsact, mangle; none before it is", "backend", "attached");
    public static readonly MetricDescription BackendFailures = Counter("datapath.backend.read.failures", "{read}", "Reads of the kernel's counters that the kernel refused; meanwhile they stand still");

    public static readonly MetricDescription VerdictPackets = Counter("datapath.verdict.packets", "{packet}", "Packets that were judged; each segment of a large one counts", "action", "direction", "hook", "reason");
    public static readonly MetricDescription VerdictBytes = Counter("datapath.verdict", "By", "Their bytes, from the link header on", "action", "direction", "hook", "reason");
    public static readonly MetricDescription RulePackets = Counter("datapath.rule.packets", "{packet}", "Packets that a rule in force has decided", "type", "namespace", "ruleset", "direction", "rule", "rule_name");
    public static readonly MetricDescription RuleBytes = Counter("datapath.rule", "By", "Their bytes, from the link header on", "type", "namespace", "ruleset", "direction", "rule", "rule_name");
    public static readonly MetricDescription RulesUnlisted = Gauge("datapath.rules.unlisted", "{rule}", "Rules in force that have no series because of --metrics-per-rule");
    public static readonly MetricDescription ExemptPackets = Counter("datapath.exempt.packets", "{packet}", "Packets that passed without a verdict or against it", "cause");

    public static readonly MetricDescription Resets = Counter("datapath.resets", "{packet}", "Denied TCP connections that were answered with a reset (--reject-with)");

    public static readonly MetricDescription TableEntries = Gauge("datapath.connection.table.entries", "{flow}", "Flows that the kernel remembers, when the table was last looked through", "table");
    public static readonly MetricDescription TableLimit = Gauge("datapath.connection.table.limit", "{flow}", "Flows that there is room for", "table");
    public static readonly MetricDescription Inserts = Counter("datapath.connection.inserts", "{flow}", "Flows that the kernel began to remember (eBPF)");
    public static readonly MetricDescription InsertFailures = Counter("datapath.connection.insert.failures", "{flow}", "Flows without room: passed and not remembered (new), or proved and left where they may be forgotten (proved)", "stage");

    public static readonly MetricDescription Generation = Gauge("datapath.policy.generation", "{generation}", "The generation that packets are judged by; 0 when there is none");
    public static readonly MetricDescription PolicyState = Gauge("datapath.policy.state", "{policy}", "1 for what became of the content of the policy directory, 0 for what did not", "state");
    public static readonly MetricDescription Applies = Counter("datapath.policy.applies", "{apply}", "Policies that were to be put in force, by what came of it", "result");
    public static readonly MetricDescription ApplyDuration = new(MetricKind.Histogram, "datapath.policy.apply.duration", "s", "From the files of a policy to the kernel that judges by it, of those that were applied");
    public static readonly MetricDescription ApplyTime = Gauge("datapath.policy.last.apply.timestamp", "s", "When this agent put a policy in force last, since 1970; 0 when it has not yet");
    public static readonly MetricDescription Diagnostics = Gauge("datapath.policy.diagnostics", "{diagnostic}", "What is wrong or doubtful in the policy directory", "severity");
    public static readonly MetricDescription Rules = Gauge("datapath.policy.rules", "{rule}", "Rules in force, defaults and built-ins included");
    public static readonly MetricDescription PolicyMemory = Gauge("datapath.policy.memory", "By", "Kernel memory of the policy in force; 0 where the kernel does not tell");
    public static readonly MetricDescription PolicyMemoryLimit = Gauge("datapath.policy.memory.limit", "By", "Kernel memory that there is for it; 0 where there is no limit but the machine's");
    public static readonly MetricDescription LeaseLeft = Gauge("datapath.lease.remaining", "s", "Time until a policy on trial is taken back, or a pause ends; no series when neither is pending", "kind");
    public static readonly MetricDescription Repairs = Counter("datapath.policy.repairs", "{repair}", "Times that somebody had changed what is in force, and it was put back");
    public static readonly MetricDescription AttachDelay = Gauge("datapath.interface.attach.delay", "s", "Time from hearing of an interface until its packets were judged, of the last one that came while the agent ran; no series before");
    public static readonly MetricDescription Units = Gauge("datapath.units", "{unit}", "Processing units of this host, by whether their packets are judged", "state");

    public static readonly MetricDescription Flows = Counter("datapath.flows", "{flow}", "Flows that opened (accept) and packets that were dropped (reject), as far as their events came to the agent", "namespace", "action");
    public static readonly MetricDescription Events = Counter("datapath.flow.events", "{event}", "Flow events that the kernel handed over");
    public static readonly MetricDescription EventsLost = Counter("datapath.flow.events.lost", "{event}", "Flow events that did not become records: held back by the rate limit, no room in the kernel's buffer, none in the agent's queue; or that a listener was too slow for", "where");
    public static readonly MetricDescription Records = Counter("datapath.flow.records", "{record}", "Flow records made");
    public static readonly MetricDescription Aggregated = Gauge("datapath.flow.aggregated", "{flow}", "Flows whose repeats are counted");
    public static readonly MetricDescription Displaced = Counter("datapath.flow.displaced", "{flow}", "Flows reported before their time for want of room");
    public static readonly MetricDescription SinkDelivered = Counter("datapath.sink.delivered", "{record}", "Flow records that a sink has taken", "sink");
    public static readonly MetricDescription SinkDropped = Counter("datapath.sink.dropped", "{record}", "Flow records that a sink was too slow for, or that can never be sent", "sink");
    public static readonly MetricDescription SinkFailures = Counter("datapath.sink.failures", "{write}", "Writes to a sink that failed", "sink");

    public static readonly MetricDescription ProcessCpu = Counter("process.cpu", "s", "Processor time that the agent has used");
    public static readonly MetricDescription ProcessResident = Gauge("process.resident.memory", "By", "Resident memory of the agent");
    public static readonly MetricDescription ProcessVirtual = Gauge("process.virtual.memory", "By", "Virtual memory of the agent");
    public static readonly MetricDescription ProcessStart = Gauge("process.start.time", "s", "When the agent started, since 1970");
    public static readonly MetricDescription ProcessOpenFiles = Gauge("process.open.fds", "{file}", "Open file descriptors");
    public static readonly MetricDescription ProcessMaxFiles = Gauge("process.max.fds", "{file}", "File descriptors that may be open");

    /// <summary>All of them, in the order of documents.</summary>
    public static ImmutableArray<MetricDescription> All { get; } =
        [
            Build, Backend, BackendFailures,
            VerdictPackets, VerdictBytes, RulePackets, RuleBytes, RulesUnlisted, ExemptPackets, Resets,
            TableEntries, TableLimit, Inserts, InsertFailures,
            Generation, PolicyState, Applies, ApplyDuration, ApplyTime, Diagnostics, Rules, PolicyMemory, PolicyMemoryLimit, LeaseLeft, Repairs, AttachDelay, Units,
            Flows, Events, EventsLost, Records, Aggregated, Displaced, SinkDelivered, SinkDropped, SinkFailures,
            ProcessCpu, ProcessResident, ProcessVirtual, ProcessStart, ProcessOpenFiles, ProcessMaxFiles,
        ];

    private static MetricDescription Counter(string name, string unit, string help, params ImmutableArray<string> labels) => new(MetricKind.Counter, name, unit, help, labels);

    private static MetricDescription Gauge(string name, string unit, string help, params ImmutableArray<string> labels) => new(MetricKind.Gauge, name, unit, help, labels);

    private static MetricDescription Info(string name, string help, params ImmutableArray<string> labels) => new(MetricKind.Info, name, "", help, labels);
}
