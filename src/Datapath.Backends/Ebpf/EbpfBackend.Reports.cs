using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <content>What is in the kernel's tables, for people.</content>
public sealed partial class EbpfBackend
{
    private AddressOwners? _owners;

    /// <inheritdoc/>
    public LiveConnections ReadConnections(int? unit, int most) =>
        _session is { } session
            ? Guard(() => new ConnectionReader(session.Loaded, session.Clock, session.Timeouts, _owners).Read(unit, most))
            : LiveConnections.None;

    /// <inheritdoc/>
    public IReadOnlyCollection<FlowAccount> ReadAccounts() =>
        options.KeepsAccounts && _session is { } session ? Guard(() => AccountReader.Read(session.Loaded)) : [];

    /// <inheritdoc/>
    public void Settle() => _session?.Arena.Unmap();

    private static ImmutableArray<FlowTableUsage> Tables(Session session, CompiledPolicy policy, DesiredAttachments desired) =>
        [
            new("rules", policy.Rules.IsEmpty ? 0 : policy.Rules[^1].Index, session.Loaded.Map(DpMaps.RuleCounts).Map.MaxEntries - 1),
            new("interfaces", desired.Interfaces.Count, session.Interfaces.Map.MaxEntries),
        ];
}
