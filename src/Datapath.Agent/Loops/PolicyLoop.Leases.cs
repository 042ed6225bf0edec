using Datapath.Backends;

namespace Datapath.Agent.Loops;

/// <content>What the kernel ends by itself, and what the agent makes of it.</content>
internal sealed partial class PolicyLoop
{
    // The kernel's clock and ours are read at different moments: a wake-up that comes too early finds the lease pending, and is repeated.
    private static readonly TimeSpan Afterwards = TimeSpan.FromMilliseconds(20);

    private readonly PolicyTrials _trials;

    /// <summary>Takes up what an earlier agent left on trial. Whatever it died at, there is one policy afterwards, or one on trial.</summary>
    private async Task TakeUpTrialAsync(CancellationToken stop)
    {
        await _trials.LoadAsync(stop);
        // Where nothing is in force there is none, and the backend may be busy with what the first policy will need.
        PendingLease lease = _generation == 0 ? PendingLease.None : Backend.Ask(backend => backend.ReadLease());
        bool isOnTrial = lease is { Kind: LeaseKind.Confirm, IsOver: false };
        try
        {
            if (_trials.IsPendingConfirmed)
            {
                // It died between disk and kernel, and what is on disk holds.
                if (!isOnTrial || !Backend.Ask(backend => backend.Confirm()))
                {
                    GoBackIf(lease.Kind == LeaseKind.Confirm);
                }

                _trials.End();
            }
            else if (isOnTrial && _trials.Pending is not null && _trials.Confirmed is not null)
            {
                _inForce = _trials.Pending;
                _report.OnTrial(_generation, lease.Left);
            }
            else
            {
                // Over, or never begun, or the machine was started again; or its files are lost, and nobody could compile it for a changed host.
                GoBackIf(lease.Kind == LeaseKind.Confirm);
                if (_trials.HasPendingRecord)
                {
                    _trials.NoteRolledBack();
                }
            }
        }
        catch (BackendException refusal)
        {
            _report.LeaseNotSettled(refusal.Message);
        }

        // Before the policy is said to be in force: who sees that sees that it may go again.
        _report.Lease(_generation == 0 ? PendingLease.None : Backend.Ask(backend => backend.ReadLease()));
    }

    private void GoBackIf(bool isOnTrial)
    {
        if (isOnTrial)
        {
            _generation = Backend.Ask(backend => backend.Rollback());
            _report.FellBack(_generation);
            _audit.BackTo(_trials.Confirmed);
            _audit.Round(PolicyChange.Lease, _generation);
        }
    }

    // True when a lease was over and is no more.
    private bool SettleLease()
    {
        PendingLease lease = Backend.Ask(backend => backend.ReadLease());
        if (lease.Kind == LeaseKind.None && _trials.Pending is not null)
        {
            // The kernel went back, and could not do all that belongs to it: the policy before is put in force once more.
            _trials.NoteRolledBack();
            _inForce = _trials.Confirmed;
            _candidate = null;
            return true;
        }

        if (!lease.IsOver)
        {
            return false;
        }

        try
        {
            if (lease.Kind == LeaseKind.Confirm)
            {
                FallBack();
                _audit.Round(PolicyChange.Lease, _generation);
            }
            else if (Backend.Ask(backend => backend.Resume()))
            {
                _report.Resumed();
                _audit.Resumed(_generation);
            }

            // The directory may have changed while nobody looked at it.
            _candidate = null;
            return true;
        }
        catch (BackendException refusal)
        {
            // Packets are judged as if it were done.
            _report.LeaseNotSettled(refusal.Message);
            return false;
        }
    }

    private void FallBack()
    {
        _generation = Backend.Ask(backend => backend.Rollback());
        _trials.NoteRolledBack();
        _inForce = _trials.Confirmed;
        _report.FellBack(_generation);
        _audit.BackTo(_inForce);
    }

    /// <summary>While a policy is on trial, it and the one that it may go back to follow the host.</summary>
    private bool KeepOnTrial(PolicyVersion pending)
    {
        Enforcement done = Enforcer.Enforce(pending, _host!, fallback: _trials.Confirmed);
        if (done.IsInForce)
        {
            PutInForce(pending, done);
        }
        else
        {
            _report.NotInForce(pending.Files, done, _generation);
        }

        return !done.IsToBeTriedAgain;
    }

    private void WatchLease(ITimer timer)
    {
        PendingLease lease = Backend.Ask(backend => backend.ReadLease());
        timer.Change(lease.Kind == LeaseKind.None ? Timeout.InfiniteTimeSpan : lease.Left + Afterwards, Timeout.InfiniteTimeSpan);
    }
}
