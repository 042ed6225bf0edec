using System.Collections.Immutable;
using Datapath.Agent.Documents;
using Datapath.Agent.Files;
using Datapath.Backends;

namespace Datapath.Agent.Loops;

/// <content>Policies on trial, pauses, and what is remembered of them.</content>
internal sealed partial class PolicyLoopReport
{
    private string? _rolledBack;
    private string? _loggedRolledBack;

    public void RecordLost(string problem) => log.RecordLost(problem);

    public void RecordNotSaved(string problem) => log.RecordNotSaved(problem);

    public void AuditNotWritten(string reason) => log.AuditNotWritten(reason);

    public void LeaseNotSettled(string reason) => log.LeaseNotSettled(reason);

    public void OnTrial(uint generation, TimeSpan left) => log.OnTrial(generation, (long)left.TotalSeconds);

    public void Confirmed(uint generation) => log.Confirmed(generation);

    public void Paused(TimeSpan time) => log.Paused((long)time.TotalSeconds);

    public void Resumed() => log.Resumed();

    /// <summary>The kernel is back at the policy before.</summary>
    public void FellBack(uint generation)
    {
        log.FellBack(generation);
        board.Write(status => status with { Generation = generation });
    }

    /// <summary>Which policy is not applied again by itself; null for none.</summary>
    public void RolledBack(string? hash)
    {
        _rolledBack = hash;
        board.Write(status => status with { RolledBack = hash });
    }

    /// <summary>It is what the policy directory holds.</summary>
    public void RolledBackCandidate(ImmutableArray<string> files)
    {
        // A change of the host finds the same candidate: it is said once.
        if (_loggedRolledBack != _rolledBack)
        {
            _loggedRolledBack = _rolledBack;
            log.RolledBackCandidate(_rolledBack?[..PolicySet.ShortHashLength] ?? "");
        }

        Write(
            PolicyState.RolledBack,
            "it was not confirmed, or rolled back: not applied until it changes, or `datapath apply`",
            files,
            diagnostics: []
        );
    }

    /// <summary>A policy is on trial: the directory holds it, or something that is looked at when the trial has ended.</summary>
    public void CandidateDuringTrial(ImmutableArray<string> files, bool isOnTrial)
    {
        string? problem = isOnTrial ? null : "it is looked at when the policy on trial is confirmed or gone";
        Write(isOnTrial ? PolicyState.Applied : PolicyState.Waiting, problem, files, diagnostics: []);
    }

    /// <summary>What is pending in the kernel now.</summary>
    public void Lease(PendingLease lease)
    {
        LeaseDocument? document =
            lease.Kind == LeaseKind.None
                ? null
                : new LeaseDocument(lease.Kind == LeaseKind.Confirm ? LeaseWord.Trial : LeaseWord.Pause, clock.GetUtcNow() + lease.Left, 0);
        board.Write(status => status with { Lease = document, Confirmed = lease.Kind != LeaseKind.Confirm });
    }
}
