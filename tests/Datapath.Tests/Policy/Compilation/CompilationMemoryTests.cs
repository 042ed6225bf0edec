using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Printing;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Compilation;

/// <summary>Memory makes a compilation quicker and never different.</summary>
public sealed class CompilationMemoryTests(ITestOutputHelper output)
{
    [Fact]
    public void A_chain_of_changes_compiles_to_the_same_tables_with_and_without_memory()
    {
        int seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (int chain = 0; chain < 20; chain++)
        {
            var generator = new RandomPolicy(random);
            PolicyCase one = generator.Next();
            var memory = new CompilationMemory();
            RuleIndexes with = RuleIndexes.Empty;
            RuleIndexes without = RuleIndexes.Empty;
            for (int step = 0; step < 25; step++)
            {
                PolicyCompilation expected = PolicyCompiler.Compile(Resolve(one), without);
                PolicyCompilation actual = PolicyCompiler.Compile(Resolve(one), with, memory);
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
                one = Changed(one, random, generator);
            }
        }
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

    private static ResolvedPolicy Resolve(PolicyCase one) => PolicyResolver.Resolve(one.Written, one.Inventory, one.Options).Policy;

    /// <summary>The policy with one object taken from another one, taken away or moved.</summary>
    private static PolicyCase Changed(PolicyCase one, Random random, RandomPolicy generator)
    {
        PolicyCase other = generator.Next();
        WrittenPolicy written = one.Written;
        return random.Next(12) switch
        {
            0 => one with { Written = written with { ExternalNetworks = other.Written.ExternalNetworks } },
            1 => one with { Options = one.Options with { FailsafeBeatsReject = !one.Options.FailsafeBeatsReject } },
            2 => one with { Options = one.Options with { Failsafe = other.Options.Failsafe } },
            3 => one with { Written = written with { Namespaces = other.Written.Namespaces } },
            4 => one with { Written = written with { ProcessingUnits = other.Written.ProcessingUnits }, Inventory = other.Inventory },
            5 => one with { Written = written with { Rulesets = [.. written.Rulesets.Reverse()] } },
            >= 8 when !written.ProcessingUnits.IsEmpty => one with { Written = written with { ProcessingUnits = WithAddresses(written.ProcessingUnits, random, generator) } },
            _ => one with { Written = written with { Rulesets = Changed(written.Rulesets, other.Written.Rulesets, random) } },
        };
    }

    /// <summary>An address joins a unit or leaves it; now and then beside one that there is.</summary>
    private static ImmutableArray<ProcessingUnit> WithAddresses(ImmutableArray<ProcessingUnit> units, Random random, RandomPolicy generator)
    {
        int at = random.Next(units.Length);
        ProcessingUnit unit = units[at];
        ImmutableArray<IPAddress> addresses = unit.Addresses;
        if (!addresses.IsEmpty && random.Next(3) == 0)
        {
            return units.SetItem(at, unit with { Addresses = addresses.RemoveAt(random.Next(addresses.Length)) });
        }
        AddressKey key = addresses.IsEmpty || random.Next(2) == 0 ? generator.Address() : Beside(AddressKey.From(addresses[random.Next(addresses.Length)]), random);
        IPAddress address = key.ToAddress();
        return units.Any(one => one.Addresses.Contains(address)) ? units : units.SetItem(at, unit with { Addresses = addresses.Add(address) });
    }

    private static AddressKey Beside(AddressKey key, Random random) => key with { Value = key.Value ^ (UInt128)(1 << random.Next(3)) };

    private static ImmutableArray<NetworkRuleset> Changed(ImmutableArray<NetworkRuleset> own, ImmutableArray<NetworkRuleset> other, Random random)
    {
        if (own.IsEmpty || other.IsEmpty)
        {
            return other;
        }
        int at = random.Next(own.Length);
        return random.Next(2) == 0 ? own.RemoveAt(at) : own.SetItem(at, other[random.Next(other.Length)]);
    }
}
