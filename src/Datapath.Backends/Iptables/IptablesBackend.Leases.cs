namespace Datapath.Backends.Iptables;

/// <content>What ends by itself: netfilter has no clock that changes rules, so nothing is promised that a dead agent could not keep.</content>
public sealed partial class IptablesBackend
{
    private const string Remedy = "run the agent with --enable-ebpf";

    /// <inheritdoc/>
    public PendingLease ReadLease() => PendingLease.None;

    /// <inheritdoc/>
    public bool Confirm() => false;

    /// <inheritdoc/>
    public uint Rollback() => throw new BackendException("no policy waits for confirmation");

    /// <inheritdoc/>
    public void Pause(TimeSpan time) => throw new BackendException($"iptables cannot end a pause by itself: {Remedy}, or run datapath purge");

    /// <inheritdoc/>
    public bool Resume() => false;
}
