using Datapath.Agent.Files;

namespace Datapath.Agent.Loops;

/// <summary>Which policy was confirmed, which is on trial, and which was rolled back; on disk before the kernel is told.</summary>
/// <param name="stateDirectory">Where they outlive the agent.</param>
/// <param name="report">Told what goes wrong with them, and what becomes of them.</param>
internal sealed class PolicyTrials(string stateDirectory, PolicyLoopReport report)
{
    private readonly PolicyArchive _archive = new(stateDirectory);

    private PolicyRecord _record = new();

    /// <summary>The policy that start and boot load first; null when there is none.</summary>
    public PolicyVersion? Confirmed { get; private set; }

    /// <summary>The policy that waits for confirmation; null when none does.</summary>
    public PolicyVersion? Pending { get; private set; }

    /// <summary>Hash of the policy that is not applied again by itself; null for none.</summary>
    public string? RolledBack => _record.RolledBack;

    /// <summary>Whether an earlier agent left a policy on trial.</summary>
    public bool HasPendingRecord => _record.Pending is not null;

    /// <summary>Whether the policy on trial was confirmed already, by an agent that died before it could tell the kernel.</summary>
    public bool IsPendingConfirmed => _record.Pending is not null && _record.Pending == _record.Confirmed;

    /// <summary>Whether a policy was rolled back, and has not changed since.</summary>
    /// <param name="version">The policy.</param>
    public bool IsRolledBack(PolicyVersion version) => version.Hash == _record.RolledBack && version.Source.Diagnostics.IsEmpty;

    /// <summary>Takes up what an earlier agent has left.</summary>
    /// <param name="cancellation">Gives up.</param>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        _record = _archive.Load(out string? problem);
        if (problem is not null)
        {
            report.RecordLost(problem);
        }

        Confirmed = await ReadAsync(_record.Confirmed, cancellation);
        Pending = await ReadAsync(_record.Pending, cancellation);
        report.RolledBack(RolledBack);
    }

    /// <summary>The policy that was confirmed before the present one; null when there is none.</summary>
    /// <param name="cancellation">Gives up.</param>
    public Task<PolicyVersion?> ReadPreviousAsync(CancellationToken cancellation) => ReadAsync(_record.Previous, cancellation);

    /// <summary>Notes a policy that is about to be put in force on trial.</summary>
    /// <param name="version">The policy.</param>
    /// <exception cref="IOException">The disk refuses: without this a restart would not know what it is that is on trial.</exception>
    /// <exception cref="UnauthorizedAccessException">The state directory may not be written.</exception>
    public void Begin(PolicyVersion version)
    {
        _archive.Keep(version.Content);
        Save(_record with { Pending = version.Hash });
        Pending = version;
    }

    /// <summary>Makes the policy on trial the confirmed one; the kernel is told afterwards.</summary>
    /// <exception cref="IOException">The disk refuses; it is still on trial.</exception>
    /// <exception cref="UnauthorizedAccessException">The state directory may not be written.</exception>
    public void Confirm()
    {
        Save(_record.WithConfirmed(Pending!.Hash) with { Pending = Pending.Hash });
        Confirmed = Pending;
    }

    /// <summary>The trial is over, whichever way.</summary>
    public void End()
    {
        Pending = null;
        TrySave(_record with { Pending = null });
    }

    /// <summary>The policy on trial is gone; it is not tried again by itself, unless it is the one that is confirmed, too.</summary>
    public void NoteRolledBack()
    {
        string? gone = _record.Pending ?? Pending?.Hash;
        gone = gone == _record.Confirmed ? null : gone;
        Pending = null;
        TrySave(_record with { Pending = null, RolledBack = gone });
        report.RolledBack(RolledBack);
    }

    /// <summary>Somebody went back from a confirmed policy to the one before it.</summary>
    /// <param name="previous">The one that is confirmed again.</param>
    /// <param name="candidate">What the directory holds: another may have been rolled back already, and nobody wants that one instead.</param>
    public void NoteRolledBackTo(PolicyVersion previous, PolicyVersion? candidate)
    {
        string? gone = candidate?.Hash ?? _record.Confirmed;
        TrySave(new PolicyRecord(previous.Hash, RolledBack: gone == previous.Hash ? null : gone));
        Confirmed = previous;
        report.RolledBack(RolledBack);
    }

    /// <summary>Somebody asks for a policy whatever became of it before.</summary>
    /// <param name="version">The policy.</param>
    public void Forgive(PolicyVersion version)
    {
        if (_record.RolledBack == version.Hash)
        {
            TrySave(_record with { RolledBack = null });
            report.RolledBack(RolledBack);
        }
    }

    /// <summary>A policy is in force for which no confirmation was asked.</summary>
    /// <param name="version">The policy.</param>
    public void NoteConfirmed(PolicyVersion version)
    {
        if (Confirmed?.Hash == version.Hash && _record.RolledBack is null)
        {
            return;
        }

        try
        {
            _archive.Keep(version.Content);
            Save(_record.WithConfirmed(version.Hash));
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            // A full disk must not keep a policy from being enforced.
            report.RecordNotSaved(refusal.Message);
        }

        Confirmed = version;
        report.RolledBack(RolledBack);
    }

    private void TrySave(PolicyRecord record)
    {
        try
        {
            Save(record);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            _record = record;
            report.RecordNotSaved(refusal.Message);
        }
    }

    private void Save(PolicyRecord record)
    {
        _archive.Save(record);
        _record = record;
    }

    private async Task<PolicyVersion?> ReadAsync(string? hash, CancellationToken cancellation)
    {
        if (hash is null)
        {
            return null;
        }

        if (await _archive.ReadAsync(hash, cancellation) is { } source)
        {
            return PolicyVersion.Of(source);
        }

        report.RecordLost($"the policy {hash[..PolicySet.ShortHashLength]} is missing or damaged");
        return null;
    }
}
