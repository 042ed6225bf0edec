using System.Collections.Immutable;
using System.Globalization;
using Datapath.Policy.Comparison;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Policy.Rulesets;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Policy.Comparison;

/// <summary>What a comparison lists is what the evaluator judges differently, no more and no less: random pairs, packets on their edges.</summary>
public sealed class PolicyComparisonTests(ITestOutputHelper output)
{
    private const int QuestionsOfPair = 200;

    private static int Questions =>
        int.Parse(Environment.GetEnvironmentVariable("DATAPATH_PROPERTY_DECISIONS") ?? "40000", CultureInfo.InvariantCulture) / 5;

    private static int Seed =>
        Environment.GetEnvironmentVariable("DATAPATH_PROPERTY_SEED") is { } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : Random.Shared.Next();

    [Fact]
    public void Differences_are_those_of_the_evaluator()
    {
        int seed = Seed;
        output.WriteLine($"DATAPATH_PROPERTY_SEED={seed}");
        int changed = 0;
        int same = 0;
        for (int number = 0; number < Questions / QuestionsOfPair; number++)
        {
            var random = new Random(unchecked((seed * 1_000_003) + number));
            var generator = new RandomPolicy(random);
            PolicyCase before = generator.Next();
            PolicyCase after = Changed(before, generator.Next(), random);
            if (Resolve(after) is { } resolved && Resolve(before) is { } old)
            {
                PolicyDifference difference = PolicyComparison.Compare(old, resolved);
                Assert.Empty(difference.Problems);
                (int Changed, int Same) found = Check(before, after, difference, random, generator);
                (changed, same) = (changed + found.Changed, same + found.Same);
            }
        }
        output.WriteLine($"{changed} changed, {same} did not");
        Assert.True(changed > 100 && same > 100, $"{changed} changed, {same} did not: the pairs are too alike or too different");
    }

    [Fact]
    public void A_policy_does_not_differ_from_itself()
    {
        int seed = Seed;
        output.WriteLine($"DATAPATH_PROPERTY_SEED={seed}");
        var generator = new RandomPolicy(new Random(seed));
        for (int i = 0; i < 50; i++)
        {
            if (Resolve(generator.Next()) is { } policy)
            {
                Assert.Empty(PolicyComparison.Compare(policy, policy).Units);
            }
        }
    }

    [Fact]
    public void A_units_own_address_does_not_break_everybody_into_pieces()
    {
        ProcessingUnit web = Written.Unit("web", "app=web", "10.0.0.1");
        ResolvedPolicy open = (Scenario.Of(web) with { Options = new() }).Resolve().Policy;
        ResolvedPolicy closed = Scenario.Of(web).Resolve().Policy;
        UnitDifference only = Assert.Single(PolicyComparison.Compare(open, closed).Units, unit => unit.Units.Any(one => one.Name.Name == "web"));
        Assert.All(
            only.Changes,
            change => Assert.Equal([AddressSpan.Whole(false), AddressSpan.Whole(true)], Assert.Single(change.Flows).Peers)
        );
    }

    [Fact]
    public void A_unit_that_one_policy_lacks_is_judged_by_nobody_there()
    {
        ResolvedPolicy without = Scenario.Of(Written.Unit("db", "app=db", "10.0.0.2")).Resolve().Policy;
        ResolvedPolicy with = Scenario.Of(Written.Unit("db", "app=db", "10.0.0.2"), Written.Unit("web", "app=web", "10.0.0.1")).Resolve().Policy;
        UnitDifference joined = Assert.Single(PolicyComparison.Compare(without, with).Units, unit => unit.Units.Any(one => one.Name.Name == "web"));
        Assert.All(joined.Changes, change => Assert.Equal((Verdict.Allow, null), (change.Before, change.DecidedBefore)));
        UnitDifference left = Assert.Single(PolicyComparison.Compare(with, without).Units, unit => unit.Units.Any(one => one.Name.Name == "web"));
        Assert.All(left.Changes, change => Assert.Equal((Verdict.Allow, null), (change.After, change.DecidedAfter)));
    }

    /// <summary>Some rulesets, networks and units of another policy in place of this one's.</summary>
    private static PolicyCase Changed(PolicyCase one, PolicyCase other, Random random)
    {
        WrittenPolicy written = one.Written with
        {
            Rulesets = [.. one.Written.Rulesets.Where(_ => random.Next(3) != 0), .. other.Written.Rulesets.Where(_ => random.Next(4) == 0)],
            ExternalNetworks = random.Next(3) == 0 ? other.Written.ExternalNetworks : one.Written.ExternalNetworks,
            ProcessingUnits = random.Next(3) == 0 ? other.Written.ProcessingUnits : one.Written.ProcessingUnits,
            Namespaces = random.Next(3) == 0 ? other.Written.Namespaces : one.Written.Namespaces,
        };
        return one with { Written = written };
    }

    private static ResolvedPolicy? Resolve(PolicyCase one)
    {
        PolicyResolution resolution = PolicyResolver.Resolve(one.Written, one.Inventory, one.Options);
        return resolution.HasErrors ? null : resolution.Policy;
    }

    private static (int Changed, int Same) Check(PolicyCase before, PolicyCase after, PolicyDifference difference, Random random, RandomPolicy generator)
    {
        var old = new PolicyEvaluator(before.Written, before.Inventory, before.Options);
        var young = new PolicyEvaluator(after.Written, after.Inventory, after.Options);
        ResolvedUnit[] oldUnits = [.. Resolve(before)!.Units];
        ResolvedUnit[] youngUnits = [.. Resolve(after)!.Units];
        PolicyEdges[] edges = [new PolicyEdges(before), new PolicyEdges(after)];
        int changed = 0;
        int same = 0;
        for (int i = 0; i < QuestionsOfPair; i++)
        {
            ResolvedUnit unit = random.Next(2) == 0 ? oldUnits[random.Next(oldUnits.Length)] : youngUnits[random.Next(youngUnits.Length)];
            ResolvedUnit? oldUnit = Array.Find(oldUnits, one => AreSame(one, unit));
            ResolvedUnit? youngUnit = Array.Find(youngUnits, one => AreSame(one, unit));
            AddressKey peer = edges[i % 2].Address(random, generator.Address);
            (PortTable table, ushort key) = edges[i % 2].Port(random, generator.Key);
            if (Owns(oldUnit, peer) && Owns(youngUnit, peer))
            {
                continue;
            }
            var question = new Question(unit.IsHost ? null : new UnitName(unit.Namespace, unit.Name), (Direction)random.Next(2), peer, table, key);
            Judgement? was = oldUnit is null ? null : old.Judge(question);
            Judgement? becomes = youngUnit is null ? null : young.Judge(question);
            VerdictChange? listed = Listed(difference, youngUnit ?? oldUnit!, question);
            Verdict oldVerdict = was?.Verdict ?? Verdict.Allow;
            Verdict youngVerdict = becomes?.Verdict ?? Verdict.Allow;
            if (oldVerdict == youngVerdict)
            {
                Assert.True(listed is null, $"{question}: {was} -> {becomes}, and it is listed\n{WrittenText.Of(before)}\n{WrittenText.Of(after)}");
                same++;
                continue;
            }
            Assert.True(listed is not null, $"{question}: {was} -> {becomes}, and it is not listed\n{WrittenText.Of(before)}\n{WrittenText.Of(after)}");
            Assert.Equal((oldVerdict, youngVerdict), (listed.Before, listed.After));
            Assert.Equal(Decider(oldUnit, was), listed.DecidedBefore);
            Assert.Equal(Decider(youngUnit, becomes), listed.DecidedAfter);
            changed++;
        }
        return (changed, same);
    }

    /// <summary>The host of one policy is the host of the other, whatever it is called.</summary>
    private static bool AreSame(ResolvedUnit one, ResolvedUnit other) =>
        one.IsHost == other.IsHost && (one.IsHost || (one.Namespace == other.Namespace && one.Name == other.Name));

    private static bool Owns(ResolvedUnit? unit, AddressKey address) => unit is not null && unit.Addresses.Any(one => one.Key == address);

    /// <summary>Who ignores a unit does not judge it: the comparison names nobody.</summary>
    private static RuleIdentity? Decider(ResolvedUnit? unit, Judgement? judgement) => unit is { IsIgnored: false } ? judgement?.Rule : null;

    private static VerdictChange? Listed(PolicyDifference difference, ResolvedUnit unit, Question question)
    {
        ImmutableArray<VerdictChange> changes =
        [
            .. difference
                .Units.Where(one => one.Units.Any(listed => IsOf(listed, unit)))
                .SelectMany(one => one.Changes)
                .Where(change => change.Direction == question.Direction && change.Flows.Any(flows => Contains(flows, question))),
        ];
        Assert.True(changes.Length <= 1, $"{question} is listed {changes.Length} times");
        return changes.IsEmpty ? null : changes[0];
    }

    private static bool IsOf(ComparedUnit listed, ResolvedUnit unit) =>
        listed.IsHost == unit.IsHost && (unit.IsHost || listed.Name == new UnitName(unit.Namespace, unit.Name));

    private static bool Contains(FlowSet flows, Question question) =>
        flows.Peers.Any(span => span.Contains(question.Peer))
        && flows.Ports.Any(span => span.Table == question.Table && question.Key >= span.First && question.Key <= span.Last);
}
