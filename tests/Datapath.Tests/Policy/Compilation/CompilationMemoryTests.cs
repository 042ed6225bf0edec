using Datapath.Policy.Compilation;
using Datapath.Policy.Printing;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Compilation;

/// <summary>Memory makes a resolution and a compilation quicker and never different.</summary>
public sealed class CompilationMemoryTests(ITestOutputHelper output)
{
    [Fact]
    public void A_chain_of_changes_compiles_to_the_same_tables_with_and_without_memory()
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        int followed = 0;
        for (int chain = 0; chain < 20; chain++)
        {
            var generator = new RandomPolicy(random);
            PolicyCase one = generator.Next();
            var resolutions = new ResolutionMemory();
            var memory = new CompilationMemory();
            CompiledPolicy? last = null;
            RuleIndexes with = RuleIndexes.Empty;
            RuleIndexes without = RuleIndexes.Empty;
            for (int step = 0; step < 25; step++)
            {
                PolicyResolution resolved = PolicyResolver.Resolve(one.Written, one.Inventory, one.Options);
                PolicyResolution remembered = PolicyResolver.Resolve(one.Written, one.Inventory, one.Options, resolutions);
                Assert.Equal(resolved.Diagnostics, remembered.Diagnostics);
                PolicyCompilation expected = PolicyCompiler.Compile(resolved.Policy, without);
                PolicyCompilation actual = PolicyCompiler.Compile(remembered.Policy, with, memory);
                followed += last is not null && last.Peers != actual.Policy!.Peers && last.Rows == actual.Policy.Rows ? 1 : 0;
                last = actual.Policy;
                Assert.True(
                    PolicyText.Tables(expected.Policy!) == PolicyText.Tables(actual.Policy!),
                    $"seed {seed}, chain {chain}, step {step}:\n{WrittenText.Of(one)}"
                );
                Assert.Equal(RuleIndexText.Print(expected.Indexes), RuleIndexText.Print(actual.Indexes));
                // Now and then a policy is not applied, or numbers are given away again: memory must not know better.
                if (random.Next(5) != 0)
                {
                    with = actual.Indexes;
                    without = expected.Indexes;
                }
                if (random.Next(4) == 0)
                {
                    with = with.Release(with.RetiredRules, with.RetiredUnits);
                    without = without.Release(without.RetiredRules, without.RetiredUnits);
                }
                one = RandomChange.Of(one, random, generator);
            }
        }

        Assert.True(followed > 10, $"seed {seed}: only {followed} changes of addresses were taken as such");
    }

    [Fact]
    public void Rulesets_of_one_name_that_change_places_change_the_named_rule()
    {
        ProcessingUnit web = Unit("web", "app=web", "10.0.0.1").On("veth0");
        NetworkRuleset first = Ruleset("same", "app=web") with { IncomingRules = [Allow("externalnetwork:name=all") with { Name = "first" }] };
        NetworkRuleset second = Ruleset("same", "app=web") with { IncomingRules = [Allow("$identity=externalnetwork") with { Name = "second" }] };
        var memory = new CompilationMemory();
        Assert.Equal("first", Named(first, second));
        Assert.Equal("second", Named(second, first));

        string Named(params NetworkRuleset[] rulesets)
        {
            ResolvedPolicy policy = Scenario.Of([web, Network("all", "0.0.0.0/0"), .. rulesets]).Resolve().Policy;
            CompiledPolicy compiled = PolicyCompiler.Compile(policy, RuleIndexes.Empty, memory).Policy!;
            return compiled.Rules.Select(rule => rule.Rule).Single(rule => rule.Kind == RuleKind.Ruleset).RuleName;
        }
    }

    [Fact]
    public void What_did_not_change_is_not_swept_again()
    {
        ProcessingUnit web = Unit("web", "app=web", "172.16.0.1").On("veth0");
        ExternalNetwork all = Network("all", "10.0.0.0/8", "!10.1.0.0/16");
        NetworkRuleset ruleset = Ruleset("r", "app=web") with { IncomingRules = [Allow("externalnetwork:name=all", "tcp/80")] };
        var memory = new CompilationMemory();
        CompiledPolicy before = Compile(ruleset);
        CompiledPolicy after = Compile(ruleset with { IncomingRules = [Reject("externalnetwork:name=all", "tcp/80")] });
        Assert.Same(before.Peers, after.Peers);
        Assert.Same(before.Ports, after.Ports);

        CompiledPolicy Compile(NetworkRuleset one) =>
            PolicyCompiler.Compile(Scenario.Of(web, all, one).Resolve().Policy, RuleIndexes.Empty, memory).Policy!;
    }
}
