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

    /// <summary>
    /// Does what the first policy needs and does not depend on it, where nothing is in force: to be called while policy files are still read. What it
    /// made goes again with <see cref="IDisposable.Dispose"/> unless a policy is applied.
    /// </summary>
    /// <exception cref="BackendException">The kernel refused; an apply will try again.</exception>
    void Prepare() { }

    /// <summary>Makes the kernel judge by a policy. Idempotent; a packet is judged by one generation, old or new, never by a mixture.</summary>
    /// <param name="policy">What to enforce.</param>
    /// <param name="host">Interfaces and addresses as they are now.</param>
    /// <param name="options">Whether it must be confirmed, and what it is tried by; null for <see cref="ApplyOptions.None"/>.</param>
    /// <exception cref="PolicyTooLargeException">It does not fit; the old policy stays.</exception>
    /// <exception cref="CanaryException">What was written would judge otherwise than it ought to; the old policy stays.</exception>
    /// <exception cref="BackendException">
    /// The kernel refused, or another policy waits for confirmation and no <see cref="ApplyOptions.Fallback"/> was given; the old policy stays.
    /// </exception>
    ApplyReport Apply(CompiledPolicy policy, HostSnapshot host, ApplyOptions? options = null);

    /// <summary>What is pending in the kernel, whichever agent began it.</summary>
    PendingLease ReadLease();

    /// <summary>Makes the policy that waits for confirmation the one that stays.</summary>
    /// <returns>False when none waits, or when the time is over and the kernel has gone back.</returns>
    /// <exception cref="BackendException">The kernel refused.</exception>
    bool Confirm();

    /// <summary>Goes back to the policy before the one that waits for confirmation; what the kernel did by itself is made to last.</summary>
    /// <returns>The generation that packets are judged by now.</returns>
    /// <exception cref="BackendException">The kernel refused, or no policy waits.</exception>
    uint Rollback();

    /// <summary>Lets everything pass, and be counted, for a time; then the policy is back by itself, also when the agent is dead by then.</summary>
    /// <param name="time">How long; positive. Another pause takes the place of the one before.</param>
    /// <exception cref="BackendException">The kernel refused, nothing is enforced, or a policy waits for confirmation.</exception>
    void Pause(TimeSpan time);

    /// <summary>Ends a pause.</summary>
    /// <returns>False when there was none.</returns>
    /// <exception cref="BackendException">The kernel refused.</exception>
    bool Resume();

    /// <summary>Looks whether what was applied last is still in the kernel as it was, and puts it back when somebody has taken it away or moved it.</summary>
    /// <returns>What was found and done; null when there was nothing to do.</returns>
    /// <exception cref="BackendException">The kernel refused.</exception>
    RepairReport? Repair();

    /// <summary>
    /// Whether cgroups that are units came or went since the last apply, and packets are judged accordingly: where, an apply of the same policy says.
    /// </summary>
    bool HasFollowedUnits => false;

    /// <summary>Hands over the events that wait in the kernel; returns at once.</summary>
    /// <param name="onEvent">Called for each event, in the order of the kernel.</param>
    /// <returns>How many there were.</returns>
    int ReadEvents(Action<FlowEvent> onEvent);

    /// <summary>Whether <see cref="ReadEvents"/> looks for cgroups that units mean, so that each look later is a look longer that a new one is the host's.</summary>
    bool LooksForCgroups => false;

    /// <summary>Exact totals since the kernel objects were created.</summary>
    BackendCounters ReadCounters();

    /// <summary>Begins the counts of rules at zero, because other rules are about to have their numbers.</summary>
    /// <param name="ruleIndexes">Numbers that no generation in the kernel has.</param>
    /// <exception cref="BackendException">The kernel refused.</exception>
    void ZeroCounters(ImmutableArray<int> ruleIndexes);

    /// <summary>Takes away some of the flows whose time is over. To be called once a second; a call looks at a part of the tables, or at none.</summary>
    /// <exception cref="BackendException">The kernel refused.</exception>
    FlowUsage CollectFlows();

    /// <summary>
    /// The flows that the kernel remembers for this backend alone, for another that takes its place. Nothing is changed, and nothing needs to have
    /// been applied.
    /// </summary>
    /// <param name="policy">The units whose flows are asked for.</param>
    /// <param name="host">The host's addresses.</param>
    /// <returns>Null when nothing of it is in force, or others can read its flows themselves.</returns>
    /// <exception cref="BackendException">The kernel refused.</exception>
    IReadOnlyCollection<RememberedFlow>? ReadFlows(CompiledPolicy policy, HostSnapshot host) => null;

    /// <summary>The connections that the kernel remembers for the units of this host.</summary>
    /// <param name="unit">Number of the unit whose connections are wanted; null for all.</param>
    /// <param name="most">How many are wanted at most; the others are only counted.</param>
    /// <exception cref="BackendException">The kernel refused.</exception>
    LiveConnections ReadConnections(int? unit, int most);

    /// <summary>What each flow has carried since the kernel counts it. Empty unless the backend was told to keep accounts.</summary>
    /// <exception cref="BackendException">The kernel refused.</exception>
    IReadOnlyCollection<FlowAccount> ReadAccounts() => [];

    /// <summary>Lets go of memory that only a change needs; the next one takes it again. To be called when nothing has changed for a while.</summary>
    void Settle() { }

    /// <summary>Removes every kernel object of this instance in this network namespace, then looks again.</summary>
    /// <param name="dryRun">Only list what would be removed.</param>
    RemovalReport Remove(bool dryRun);
}
