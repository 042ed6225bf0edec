using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Backends;

/// <summary>
/// The seam between policy and kernel. A backend is given a compiled policy as one value and converges to it, again and again;
/// it never sees YAML, tags, or rules one at a time.
/// </summary>
/// <remarks>One caller at a time; the loop that owns the backend. Disposing it leaves enforcement in the kernel as it is.</remarks>
public interface IBackend : IDisposable
{
    /// <summary>The word that <c>status</c> and metrics use: <c>ebpf</c> or <c>iptables</c>.</summary>
    string Name { get; }

    /// <summary>Finds what an earlier agent of this instance left in the kernel and takes it over; nothing is changed for packets.</summary>
    /// <returns>The generation that is enforced now, or 0 when there is none.</returns>
    /// <exception cref="BackendException">The kernel refused.</exception>
    uint Adopt();

    /// <summary>Makes the kernel judge by a policy. Idempotent; a packet is judged by one generation, old or new, never by a mixture.</summary>
    /// <param name="policy">What to enforce.</param>
    /// <param name="host">Interfaces and addresses as they are now.</param>
    /// <exception cref="PolicyTooLargeException">It does not fit; the old policy stays.</exception>
    /// <exception cref="BackendException">The kernel refused; the old policy stays.</exception>
    ApplyReport Apply(CompiledPolicy policy, HostSnapshot host);

    /// <summary>Hands over the events that wait in the kernel; returns at once.</summary>
    /// <param name="onEvent">Called for each event, in the order of the kernel.</param>
    /// <returns>How many there were.</returns>
    int ReadEvents(Action<FlowEvent> onEvent);

    /// <summary>Exact totals since the kernel objects were created.</summary>
    BackendCounters ReadCounters();

    /// <summary>Begins the counts of rules at zero, because other rules are about to have their numbers.</summary>
    /// <param name="ruleIndexes">Numbers that no generation in the kernel has.</param>
    /// <exception cref="BackendException">The kernel refused.</exception>
    void ZeroCounters(ImmutableArray<int> ruleIndexes);

    /// <summary>Takes away some of the flows whose time is over. To be called once a second; a call looks at a part of the tables.</summary>
    /// <exception cref="BackendException">The kernel refused.</exception>
    FlowUsage CollectFlows();

    /// <summary>Removes every kernel object of this instance in this network namespace, then looks again.</summary>
    /// <param name="dryRun">Only list what would be removed.</param>
    RemovalReport Remove(bool dryRun);
}
