using System.Collections.Immutable;
using Datapath.Agent.Documents;
using Datapath.Agent.Metrics;
using Datapath.Backends;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Loops;

/// <summary>Tells the log and the status board what the policy loop did; decides nothing.</summary>
/// <param name="directory">The policy directory, for messages.</param>
/// <param name="board">What <c>status</c> shows.</param>
/// <param name="log">Where messages go.</param>
/// <param name="clock">Says when a lease ends.</param>
internal sealed partial class PolicyLoopReport(string directory, StatusBoard board, ILogger log, TimeProvider clock)
{
    private ImmutableArray<Diagnostic> _logged = [];
    private ImmutableArray<UnitNotEnforced> _notEnforced = [];
    private ImmutableArray<string> _warnings = [];
    private string? _saidOfGuard;

    /// <summary>Counts what is reported.</summary>
    public required AgentMetrics Metrics { get; init; }

    public void RuleNumbersLost(string problem) => log.RuleNumbersLost(problem);

    public void RuleNumbersNotSaved(string problem) => log.RuleNumbersNotSaved(problem);

    public void CountersNotZeroed(string reason) => log.CountersNotZeroed(reason);

    public void HostNotRead(string reason) => log.HostNotRead(reason);

    /// <summary>Any thread.</summary>
    public void HostNotHeard(string reason) => log.HostNotHeard(reason);

    public void Watching(bool isPrompt, TimeSpan rescan)
    {
        if (!isPrompt)
        {
            log.WatchingSlowly(directory, rescan.TotalSeconds);
        }
    }

    /// <summary>An earlier agent's generation, or 0 for none.</summary>
    public void Adopted(uint generation)
    {
        if (generation > 0)
        {
            log.Adopted(generation);
            board.Write(status => status with { State = AgentState.Enforcing, Generation = generation });
        }
    }

    /// <summary>The candidate is not in force.</summary>
    public void NotInForce(ImmutableArray<string> files, Enforcement ended, uint generation)
    {
        if (ended.End == EnforcementEnd.Wrong)
        {
            Refused(files, ended.Diagnostics, generation);
        }
        else
        {
            NotTaken(files, ended.Diagnostics, generation, ended.Problem);
        }
    }

    /// <summary>The kernel would not have it.</summary>
    public void NotTaken(ImmutableArray<string> files, ImmutableArray<Diagnostic> diagnostics, uint generation, string reason)
    {
        LogIfNew(diagnostics);
        Metrics.NoteApply(ApplyResult.NotTaken, TimeSpan.Zero);
        log.NotTaken(generation, reason);
        Write(PolicyState.NotTaken, reason, files, diagnostics);
    }

    /// <summary>The kernel enforces a policy: the candidate, or one that was before it. What there is to say of it becomes visible at once.</summary>
    public void InForce(ImmutableArray<string> files, Enforcement done, bool isCandidate)
    {
        if (isCandidate)
        {
            LogIfNew(done.Diagnostics);
        }

        (CompiledPolicy policy, ApplyReport applied) = (done.Policy!, done.Report!);
        LogIfNew(policy, applied.NotEnforced);
        _saidOfGuard = applied.Changed ? null : _saidOfGuard;
        LogIfNew(applied.Warnings);
        Metrics.NoteApply(applied.Changed ? ApplyResult.Applied : ApplyResult.Unchanged, done.Took);
        if (applied.Changed)
        {
            log.Applied(applied.Generation, files.Length, policy.Rules.Length, policy.Units.Length, (long)done.Took.TotalMilliseconds);
        }
        else
        {
            log.Unchanged(applied.Generation);
        }

        if (applied.OlderFlows is { } older)
        {
            log.OlderFlows(older.Tracked, older.FromSockets, older.TakenOver);
            older.Problems.ToList().ForEach(log.OlderFlowsUnread);
        }

        board.Write(status =>
            status with
            {
                State = AgentState.Enforcing,
                Generation = applied.Generation,
                Policy = isCandidate ? Document(PolicyState.Applied, problem: null, files, done.Diagnostics) : status.Policy,
                Rules = policy.Rules.Length,
                Units = [.. policy.Units.Select(unit => Document(unit, applied))],
                Memory = new MemoryDocument(applied.BytesUsed, applied.BytesAvailable, applied.Matrix?.RowForm, applied.Matrix?.RowBytes ?? 0),
                Warnings = applied.Warnings,
                Inactive = [.. (done.Resolved?.Inactive ?? []).Select(one => new InactiveRulesetDocument(one.Namespace, one.Name, one.Reason, one.At.File, one.At.Line))],
                Tables = [.. applied.Tables.Select(table => new FlowTableDocument(table.Name, table.Entries, table.Limit))],
            }
        );
    }

    private void Refused(ImmutableArray<string> files, ImmutableArray<Diagnostic> diagnostics, uint generation)
    {
        LogIfNew(diagnostics);
        RefusedBeforehand();
        int errors = diagnostics.Count(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        if (generation == 0)
        {
            log.RefusedAtFirstStart(errors);
        }
        else
        {
            log.RefusedKeeping(errors, generation);
        }

        string problem = $"{errors} {(errors == 1 ? "error" : "errors")}; what was enforced before stays in force";
        Write(PolicyState.Refused, problem, files, diagnostics);
    }

    /// <summary>An order to apply a policy that has errors; whoever gave it is told them.</summary>
    public void RefusedBeforehand() => Metrics.NoteApply(ApplyResult.Refused, TimeSpan.Zero);

    /// <summary>Somebody had changed what the kernel enforces.</summary>
    public void Repaired(RepairReport repair)
    {
        Metrics.NoteRepair();
        // Said once: whoever does it again and again would fill the log, and is counted.
        if (repair.Damage != _saidOfGuard)
        {
            log.Repaired(repair.Damage, repair.Generation);
            _saidOfGuard = repair.Damage;
        }

        board.Write(status => status with { Generation = repair.Generation });
    }

    /// <summary>It cannot be told whether somebody changed what the kernel enforces.</summary>
    public void NotRepaired(string reason)
    {
        if (reason != _saidOfGuard)
        {
            log.NotRepaired(reason);
            _saidOfGuard = reason;
        }
    }

    private static UnitDocument Document(LocalUnit unit, ApplyReport applied) =>
        new(
            unit.Name,
            unit.Namespace,
            unit.Number,
            [
                .. applied
                    .Attachments.Where(place => place.Unit == unit.Number)
                    .OrderBy(place => place.InterfaceIndex)
                    .Select(place => new AttachmentDocument(place.Interface, place.InterfaceIndex, place.Hooks)),
            ],
            applied.NotEnforced.FirstOrDefault(one => one.Unit == unit.Number)?.Reason
        );

    private void Write(string state, string? problem, ImmutableArray<string> files, ImmutableArray<Diagnostic> diagnostics) =>
        board.Write(status => status with { Policy = Document(state, problem, files, diagnostics) });

    private PolicyDocument Document(string state, string? problem, ImmutableArray<string> files, ImmutableArray<Diagnostic> diagnostics) =>
        new(directory, state, problem, files, [.. diagnostics.Select(DiagnosticDocument.Of)]);

    // A change of the host builds the same files again: their diagnostics are said once.
    private void LogIfNew(ImmutableArray<Diagnostic> diagnostics)
    {
        if (diagnostics.SequenceEqual(_logged))
        {
            return;
        }

        _logged = diagnostics;
        foreach (Diagnostic diagnostic in diagnostics)
        {
            string text = DiagnosticText.Render(diagnostic);
            if (diagnostic.Severity == DiagnosticSeverity.Error)
            {
                log.PolicyError(text);
            }
            else
            {
                log.PolicyWarning(text);
            }
        }
    }

    private void LogIfNew(ImmutableArray<string> warnings)
    {
        foreach (string warning in warnings.Except(_warnings))
        {
            log.BackendWarning(warning);
        }

        _warnings = warnings;
    }

    private void LogIfNew(CompiledPolicy policy, ImmutableArray<UnitNotEnforced> notEnforced)
    {
        foreach (UnitNotEnforced one in notEnforced.Except(_notEnforced))
        {
            log.UnitNotEnforced(policy.Units.FirstOrDefault(unit => unit.Number == one.Unit)?.Name ?? $"number {one.Unit}", one.Reason);
        }

        _notEnforced = notEnforced;
    }
}
