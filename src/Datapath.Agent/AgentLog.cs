using Microsoft.Extensions.Logging;

namespace Datapath.Agent;

/// <summary>Every message of the agent. The event ids are stable; a retired one stays reserved.</summary>
internal static partial class AgentLog
{
    // 10xx: the agent itself.
    [LoggerMessage(1001, LogLevel.Information, "datapath {Version} started: instance {Instance}, backend {Backend}, policy {Directory}, socket {Socket}")]
    public static partial void Started(this ILogger log, string version, InstanceName instance, string backend, string directory, string socket);

    [LoggerMessage(1002, LogLevel.Information, "stopping; packets go on being judged by generation {Generation} until `datapath purge`")]
    public static partial void StoppingEnforced(this ILogger log, uint generation);

    [LoggerMessage(1003, LogLevel.Information, "stopping; nothing is enforced")]
    public static partial void StoppingNotEnforced(this ILogger log);

    [LoggerMessage(1004, LogLevel.Warning, "eBPF was asked for and cannot be: {Reason}; iptables is used")]
    public static partial void EbpfNotPossible(this ILogger log, string reason);

    [LoggerMessage(1005, LogLevel.Information, "what {Backend} enforced before is removed, objects {Objects}")]
    public static partial void FormerRemoved(this ILogger log, string backend, int objects);

    [LoggerMessage(1006, LogLevel.Warning, "what {Backend} enforced before cannot be removed and judges too: {Reason}")]
    public static partial void FormerNotRemoved(this ILogger log, string backend, string reason);

    [LoggerMessage(1007, LogLevel.Information, "reloaded: {Outcome}")]
    public static partial void Reloaded(this ILogger log, string outcome);

    [LoggerMessage(1008, LogLevel.Error, "configuration not taken, the settings before stay: {Problem}")]
    public static partial void ConfigurationWrong(this ILogger log, string problem);

    [LoggerMessage(1009, LogLevel.Warning, "{Setting} has changed and takes effect when the agent is started again")]
    public static partial void SettingOfNextStart(this ILogger log, string setting);

    [LoggerMessage(1010, LogLevel.Warning, "denied connections time out: iptables cannot answer them with a reset where it judges")]
    public static partial void ResetsNotPossible(this ILogger log);

    // 11xx: from files to the kernel.
    [LoggerMessage(1101, LogLevel.Information, "generation {Generation} of an earlier agent is in force and taken over")]
    public static partial void Adopted(this ILogger log, uint generation);

    [LoggerMessage(1102, LogLevel.Information, "policy applied: generation {Generation}, files {Files}, rules {Rules}, units {Units}, took {Milliseconds} ms")]
    public static partial void Applied(this ILogger log, uint generation, int files, int rules, int units, long milliseconds);

    [LoggerMessage(1103, LogLevel.Debug, "policy unchanged: generation {Generation}")]
    public static partial void Unchanged(this ILogger log, uint generation);

    [LoggerMessage(1104, LogLevel.Error, "policy refused, errors {Errors}; generation {Generation} stays in force")]
    public static partial void RefusedKeeping(this ILogger log, int errors, uint generation);

    [LoggerMessage(1105, LogLevel.Error, "policy refused, errors {Errors}; nothing was in force and nothing is installed")]
    public static partial void RefusedAtFirstStart(this ILogger log, int errors);

    [LoggerMessage(1106, LogLevel.Error, "{Diagnostic}")]
    public static partial void PolicyError(this ILogger log, string diagnostic);

    [LoggerMessage(1107, LogLevel.Warning, "{Diagnostic}")]
    public static partial void PolicyWarning(this ILogger log, string diagnostic);

    [LoggerMessage(1108, LogLevel.Error, "policy not taken by the kernel; generation {Generation} stays in force: {Reason}")]
    public static partial void NotTaken(this ILogger log, uint generation, string reason);

    [LoggerMessage(1109, LogLevel.Warning, "unit {Unit} is not enforced: {Reason}")]
    public static partial void UnitNotEnforced(this ILogger log, string unit, string reason);

    [LoggerMessage(1110, LogLevel.Warning, "rule numbers start again from 1, counters and events of before mean other rules: {Problem}")]
    public static partial void RuleNumbersLost(this ILogger log, string problem);

    [LoggerMessage(1111, LogLevel.Warning, "rule numbers cannot be saved, a restart may number rules differently: {Problem}")]
    public static partial void RuleNumbersNotSaved(this ILogger log, string problem);

    [LoggerMessage(1112, LogLevel.Warning, "inotify is not to be had, changes of {Directory} are noticed within {Seconds} s")]
    public static partial void WatchingSlowly(this ILogger log, string directory, double seconds);

    [LoggerMessage(1113, LogLevel.Error, "the host's interfaces cannot be read: {Reason}")]
    public static partial void HostNotRead(this ILogger log, string reason);

    [LoggerMessage(1114, LogLevel.Warning, "counters of rules that are gone cannot be zeroed, their numbers are not given away: {Reason}")]
    public static partial void CountersNotZeroed(this ILogger log, string reason);

    [LoggerMessage(1115, LogLevel.Error, "changes of interfaces, addresses and routes are not heard, it is tried again every second: {Reason}")]
    public static partial void HostNotHeard(this ILogger log, string reason);

    [LoggerMessage(1116, LogLevel.Warning, "{Warning}")]
    public static partial void BackendWarning(this ILogger log, string warning);

    [LoggerMessage(1117, LogLevel.Warning, "generation {Generation} is on trial: without `datapath confirm` the policy before comes back in {Seconds} s")]
    public static partial void OnTrial(this ILogger log, uint generation, long seconds);

    [LoggerMessage(1118, LogLevel.Information, "generation {Generation} is confirmed")]
    public static partial void Confirmed(this ILogger log, uint generation);

    [LoggerMessage(1119, LogLevel.Warning, "the policy on trial was not confirmed, generation {Generation} is in force again")]
    public static partial void FellBack(this ILogger log, uint generation);

    [LoggerMessage(1120, LogLevel.Warning, "the policy directory holds what was rolled back, policy {Hash}: not applied until it changes, or `datapath apply`")]
    public static partial void RolledBackCandidate(this ILogger log, string hash);

    [LoggerMessage(1121, LogLevel.Warning, "enforcement is paused for {Seconds} s, everything passes")]
    public static partial void Paused(this ILogger log, long seconds);

    [LoggerMessage(1122, LogLevel.Information, "enforcement goes on after a pause")]
    public static partial void Resumed(this ILogger log);

    [LoggerMessage(1123, LogLevel.Warning, "which policy was confirmed is not known: {Problem}")]
    public static partial void RecordLost(this ILogger log, string problem);

    [LoggerMessage(1124, LogLevel.Warning, "which policy is confirmed cannot be saved, a restart may begin with another: {Problem}")]
    public static partial void RecordNotSaved(this ILogger log, string problem);

    [LoggerMessage(1125, LogLevel.Error, "what has ended by itself in the kernel cannot be tidied up: {Reason}")]
    public static partial void LeaseNotSettled(this ILogger log, string reason);

    [LoggerMessage(1126, LogLevel.Warning, "somebody changed what is in force: {Damage}; put back as generation {Generation}")]
    public static partial void Repaired(this ILogger log, string damage, uint generation);

    [LoggerMessage(1127, LogLevel.Error, "what is in force cannot be looked at or put back: {Reason}")]
    public static partial void NotRepaired(this ILogger log, string reason);

    [LoggerMessage(1128, LogLevel.Information, "connections older than the first policy go on: {Tracked} entries from connection tracking, {FromSockets} from sockets, {TakenOver} from an agent of another version")]
    public static partial void OlderFlows(this ILogger log, int tracked, int fromSockets, int takenOver);

    [LoggerMessage(1129, LogLevel.Warning, "some connections that are older than the first policy have to prove themselves: {Problem}")]
    public static partial void OlderFlowsUnread(this ILogger log, string problem);

    [LoggerMessage(1140, LogLevel.Error, "a change cannot be written to the audit log: {Reason}")]
    public static partial void AuditNotWritten(this ILogger log, string reason);

    // 12xx: from the kernel to listeners.
    [LoggerMessage(1201, LogLevel.Warning, "flow events cannot be read: {Reason}")]
    public static partial void EventsNotRead(this ILogger log, string reason);

    [LoggerMessage(1202, LogLevel.Information, "flow events are read again")]
    public static partial void EventsReadAgain(this ILogger log);

    [LoggerMessage(1203, LogLevel.Warning, "flows whose time is over cannot be taken away: {Reason}")]
    public static partial void FlowsNotCollected(this ILogger log, string reason);

    [LoggerMessage(1204, LogLevel.Information, "flows whose time is over are taken away again")]
    public static partial void FlowsCollectedAgain(this ILogger log);

    [LoggerMessage(1205, LogLevel.Warning, "flow records: sink {Sink} does not work, it is tried again: {Problem}")]
    public static partial void SinkFailed(this ILogger log, string sink, string problem);

    [LoggerMessage(1206, LogLevel.Information, "flow records: sink {Sink} works again, dropped so far {Dropped}")]
    public static partial void SinkWorksAgain(this ILogger log, string sink, long dropped);

    [LoggerMessage(1207, LogLevel.Warning, "flow records: sink {Sink} has not taken the last {Records} records")]
    public static partial void RecordsNotDelivered(this ILogger log, string sink, long records);

    [LoggerMessage(1240, LogLevel.Warning, "the syslog settings of the enforcer profile are not used: {Problem}")]
    public static partial void ProfileSyslogWrong(this ILogger log, string problem);

    [LoggerMessage(1241, LogLevel.Warning, "what flows have carried cannot be read: {Reason}")]
    public static partial void AccountsNotRead(this ILogger log, string reason);

    // 13xx: metrics.
    [LoggerMessage(1301, LogLevel.Warning, "metrics cannot be served on {Place}, it is tried again every {Seconds} s: {Reason}")]
    public static partial void MetricsNotServed(this ILogger log, string place, double seconds, string reason);

    [LoggerMessage(1302, LogLevel.Information, "metrics are served on {Place}")]
    public static partial void MetricsServedAtLast(this ILogger log, string place);
}
