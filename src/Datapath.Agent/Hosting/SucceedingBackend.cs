using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Policy.Compilation;
using Microsoft.Extensions.Logging;

namespace Datapath.Agent.Hosting;

/// <summary>
/// The chosen backend, after whose first apply what the other one may have left is removed: a packet that either denies passes at no
/// moment of the change.
/// </summary>
/// <param name="chosen">What enforces.</param>
/// <param name="former">What an earlier agent of this instance may have enforced with.</param>
/// <param name="log">Is told what was removed.</param>
internal sealed class SucceedingBackend(IBackend chosen, IBackend former, ILogger log) : IBackend
{
    private bool _isAlone;

    /// <inheritdoc/>
    public string Name => chosen.Name;

    /// <inheritdoc/>
    public uint Adopt() => chosen.Adopt();

    /// <inheritdoc/>
    /// <remarks>The instance is ours alone: where the other one has left nothing now, it will have nothing when the first policy is applied.</remarks>
    public void Prepare()
    {
        var look = Task.Run(() => former.Remove(dryRun: true).Removed.IsEmpty);
        chosen.Prepare();
        _isAlone = look.GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public ApplyReport Apply(CompiledPolicy policy, HostSnapshot host, ApplyOptions? options = null)
    {
        ApplyReport report = chosen.Apply(policy, host, _isAlone ? options : (options ?? ApplyOptions.None) with { Remembered = () => former.ReadFlows(policy, host) });
        if (!_isAlone)
        {
            RemoveFormer();
        }

        return report;
    }

    /// <inheritdoc/>
    public PendingLease ReadLease() => chosen.ReadLease();

    /// <inheritdoc/>
    public bool Confirm() => chosen.Confirm();

    /// <inheritdoc/>
    public uint Rollback() => chosen.Rollback();

    /// <inheritdoc/>
    public void Pause(TimeSpan time) => chosen.Pause(time);

    /// <inheritdoc/>
    public bool Resume() => chosen.Resume();

    /// <inheritdoc/>
    public RepairReport? Repair() => chosen.Repair();

    /// <inheritdoc/>
    public bool HasFollowedUnits => chosen.HasFollowedUnits;

    /// <inheritdoc/>
    public int ReadEvents(Action<FlowEvent> onEvent) => chosen.ReadEvents(onEvent);

    /// <inheritdoc/>
    public bool LooksForCgroups => chosen.LooksForCgroups;

    /// <inheritdoc/>
    public BackendCounters ReadCounters() => chosen.ReadCounters();

    /// <inheritdoc/>
    public void ZeroCounters(ImmutableArray<int> ruleIndexes) => chosen.ZeroCounters(ruleIndexes);

    /// <inheritdoc/>
    public FlowUsage CollectFlows() => chosen.CollectFlows();

    /// <inheritdoc/>
    public IReadOnlyCollection<RememberedFlow>? ReadFlows(CompiledPolicy policy, HostSnapshot host) => chosen.ReadFlows(policy, host);

    /// <inheritdoc/>
    public LiveConnections ReadConnections(int? unit, int most) => chosen.ReadConnections(unit, most);

    /// <inheritdoc/>
    public IReadOnlyCollection<FlowAccount> ReadAccounts() => chosen.ReadAccounts();

    /// <inheritdoc/>
    public void Settle() => chosen.Settle();

    /// <inheritdoc/>
    public RemovalReport Remove(bool dryRun) => chosen.Remove(dryRun);

    /// <inheritdoc/>
    public void Dispose()
    {
        chosen.Dispose();
        former.Dispose();
    }

    private void RemoveFormer()
    {
        try
        {
            RemovalReport removal = former.Remove(dryRun: false);
            _isAlone = removal.Remaining.IsEmpty;
            if (!removal.Remaining.IsEmpty)
            {
                log.FormerNotRemoved(former.Name, removal.Remaining[0]);
            }
            else if (!removal.Removed.IsEmpty)
            {
                log.FormerRemoved(former.Name, removal.Removed.Length);
            }
        }
        catch (BackendException refusal)
        {
            // The new policy is in force all the same: what is left over can only deny. The next apply tries again.
            log.FormerNotRemoved(former.Name, refusal.Message);
        }
    }
}
