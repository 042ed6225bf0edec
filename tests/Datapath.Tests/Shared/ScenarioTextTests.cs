using System.Collections.Immutable;
using Datapath.Shared.Sequences;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Shared;

public sealed class ScenarioTextTests
{
    private const int Cases = 40;

    [Fact]
    public void A_scenario_reads_back_as_what_was_written()
    {
        int compared = 0;
        for (int seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            var generator = new RandomPolicy(random);
            PolicyCase policy = generator.Next();
            ImmutableArray<PolicyCase> versions = [policy, new PolicyVariants(random).Next(policy)];
            var compiled = new CompiledCase(versions);
            ImmutableArray<Step> steps = new SequenceGenerator(random, policy, generator, compiled.Places, compiled.HostAddresses).Next(versions.Length);
            string text = ScenarioText.Of(new SequenceCase(versions, steps), "a comment\nof two lines");
            SequenceCase read = ScenarioText.Read(text);
            Assert.Equal(steps, read.Steps);
            Assert.Equal(text, ScenarioText.Of(read, "a comment\nof two lines"));
            Assert.Equal(versions.Length, read.Versions.Length);
            compared += steps.Length;
        }
        Assert.True(compared > Cases, $"{compared} steps");
    }

}
