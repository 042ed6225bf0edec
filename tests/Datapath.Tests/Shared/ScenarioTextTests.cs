using System.Collections.Immutable;
using Datapath.Shared.Sequences;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Shared;

public sealed class ScenarioTextTests
{
    private const int Compared = 30;

    [Fact]
    public void A_scenario_reads_back_as_what_was_written()
    {
        (string Text, SequenceCase Read, ImmutableArray<Step> Steps)[] cases = [.. Enumerable.Range(0, 20 * Compared).Select(Written).OfType<(string, SequenceCase, ImmutableArray<Step>)>().Take(Compared)];
        Assert.Equal(Compared, cases.Length);
        Assert.All(
            cases,
            one =>
            {
                Assert.Equal(one.Steps, one.Read.Steps);
                Assert.Equal(one.Text, ScenarioText.Of(one.Read, "a comment\nof two lines"));
            }
        );
    }

    /// <summary>A case as text and read again; null where the random policy says a rule twice, which a file may not (DP1601).</summary>
    private static (string, SequenceCase, ImmutableArray<Step>)? Written(int seed)
    {
        var random = new Random(seed);
        var generator = new RandomPolicy(random);
        PolicyCase policy = generator.Next();
        ImmutableArray<PolicyCase> versions = [policy, new PolicyVariants(random).Next(policy)];
        var compiled = new CompiledCase(versions);
        ImmutableArray<Step> steps = new SequenceGenerator(random, policy, generator, compiled.Places, compiled.HostAddresses).Next(versions.Length);
        string text = ScenarioText.Of(new SequenceCase(versions, steps), "a comment\nof two lines");
        try
        {
            return (text, ScenarioText.Read(text), steps);
        }
        catch (FormatException refusal) when (refusal.Message.Contains("DP1601", StringComparison.Ordinal))
        {
            return null;
        }
    }
}
