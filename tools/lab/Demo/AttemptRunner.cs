using Datapath.Lab.Probes;

namespace Datapath.Lab.Demo;

/// <summary>Makes attempts and finds the kernel's events that belong to them.</summary>
/// <param name="lab">The network.</param>
/// <param name="watch">The agent's events; null while there is no agent.</param>
internal sealed class AttemptRunner(ThreeTierLab lab, FlowWatch? watch)
{
    // A SYN is repeated after a second: shorter, so that an attempt is one packet. An expected answer may take longer on a busy machine.
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(900);
    private static readonly TimeSpan PatienceForAnswer = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PatienceForEvents = TimeSpan.FromSeconds(3);

    /// <summary>Makes one attempt.</summary>
    /// <param name="attempt">Who tries what.</param>
    /// <param name="cancellation">Gives up, by an exception.</param>
    public async Task<AttemptOutcome> RunAsync(Attempt attempt, CancellationToken cancellation)
    {
        var result = await lab.TryAsync(attempt, attempt.IsAllowed ? PatienceForAnswer : PatienceForNothing, cancellation);
        var wasAnswered = result.Outcome == ProbeOutcome.Answered;
        if (watch is null)
        {
            return new AttemptOutcome(attempt, wasAnswered, Judgements: null);
        }

        // What an earlier unit allowed of a flow that a later one rejects is not what decided.
        var events = await watch.WaitForAsync(
            flow => flow.IsAllowed == wasAnswered && Belongs(flow, attempt, result.SourcePort),
            attempt.Judgements.Length,
            PatienceForEvents,
            cancellation
        );
        return new AttemptOutcome(attempt, wasAnswered, [.. events.Select(flow => flow.Judgement).Distinct()]);
    }

    private bool Belongs(FlowObservation flow, Attempt attempt, ushort sourcePort)
    {
        var (_, source, destination) = lab.Ends(attempt);
        return flow.SourcePort == sourcePort
            && flow.Port == attempt.What.Port
            && flow.Protocol == (int)attempt.What.Protocol
            && flow.Source.Equals(source)
            && flow.Destination.Equals(destination);
    }
}
