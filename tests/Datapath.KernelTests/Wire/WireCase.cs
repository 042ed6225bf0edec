using System.Collections.Immutable;
using Datapath.Shared.Oracle;
using Datapath.Shared.Sequences;

namespace Datapath.KernelTests.Wire;

/// <summary>A sequence that real packets can run, with what the oracle says of each packet.</summary>
/// <param name="Steps">In their order; policies come into force where the schedule says so.</param>
/// <param name="Outcomes">One for each packet step.</param>
internal sealed record WireSequence(ImmutableArray<Step> Steps, ImmutableArray<Outcome> Outcomes)
{
    /// <summary>What happens under each policy of the schedule, one after the other.</summary>
    public ImmutableArray<ImmutableArray<WireTurn>> Segments() => [.. Split(Steps, Outcomes)];

    private static IEnumerable<ImmutableArray<WireTurn>> Split(ImmutableArray<Step> steps, ImmutableArray<Outcome> outcomes)
    {
        var turns = ImmutableArray.CreateBuilder<WireTurn>();
        bool isForgotten = false;
        int number = 0;
        foreach (Step step in steps)
        {
            switch (step)
            {
                case PolicyStep:
                    yield return turns.ToImmutable();
                    turns.Clear();
                    break;
                case EvictStep:
                    isForgotten = true;
                    break;
                case PacketStep { Packet.Fragment: FragmentPart.Later }:
                    turns[^1] = turns[^1] with { Passes = outcomes[number++].Passes && turns[^1].Passes };
                    break;
                case PacketStep packet:
                    turns.Add(new WireTurn(packet, outcomes[number], isForgotten, outcomes[number++].Passes));
                    isForgotten = false;
                    break;
                default:
                    throw new ArgumentException($"cannot be sent: {step}", nameof(steps));
            }
        }
        yield return turns.ToImmutable();
    }
}

/// <summary>A packet of a sequence.</summary>
/// <param name="Step">The packet; of fragments the first.</param>
/// <param name="Expected">What the oracle says of it.</param>
/// <param name="IsForgotten">Whether the host has lost its memory before.</param>
/// <param name="Passes">Whether all of the datagram passes.</param>
internal sealed record WireTurn(PacketStep Step, Outcome Expected, bool IsForgotten, bool Passes);
