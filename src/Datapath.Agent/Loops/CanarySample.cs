using System.Collections.Immutable;
using Datapath.Backends;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;
using Datapath.Policy.Sampling;

namespace Datapath.Agent.Loops;

/// <summary>The connections that new tables are tried with: few enough that nobody waits for them, other ones each time.</summary>
internal static class CanarySample
{
    /// <summary>Most connections.</summary>
    public const int Most = 64;

    /// <summary>Fewest, however long the evaluator takes.</summary>
    public const int Fewest = 4;

    /// <summary>When there are enough: of a large policy the evaluator reads every rule for each connection.</summary>
    public static readonly TimeSpan Enough = TimeSpan.FromMilliseconds(5);

    /// <summary>Draws connections and has them judged by what was written.</summary>
    /// <param name="compiled">The tables.</param>
    /// <param name="written">What they were compiled of.</param>
    /// <param name="inventory">The host.</param>
    /// <param name="options">What decided their meaning besides.</param>
    /// <param name="clock">Says when it is enough.</param>
    public static ImmutableArray<Canary> Of(
        CompiledPolicy compiled,
        WrittenPolicy written,
        HostInventory inventory,
        PolicyOptions options,
        TimeProvider clock
    )
    {
        long start = clock.GetTimestamp();
        PolicySample sample = new(compiled, written, inventory, options, Random.Shared.Next);
        var canaries = ImmutableArray.CreateBuilder<Canary>(Most);
        foreach (SampledJudgement one in sample.Draw().Take(Most))
        {
            canaries.Add(new Canary(one.Unit, one.Direction, one.Peer, one.Table, one.Key, one.Verdict, one.RuleIndex));
            if (canaries.Count >= Fewest && clock.GetElapsedTime(start) > Enough)
            {
                break;
            }
        }

        return canaries.ToImmutable();
    }
}
