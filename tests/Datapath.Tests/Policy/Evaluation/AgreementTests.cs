using System.Diagnostics;
using System.Globalization;
using Datapath.Policy.Compilation;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Resolution;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Policy.Evaluation;

/// <summary>The evaluator and the compiled tables give one answer: random policies, random packets, most of them on an edge.</summary>
public sealed class AgreementTests(ITestOutputHelper output)
{
    private const int DecisionsOfCase = 200;

    private static int Decisions =>
        int.Parse(Environment.GetEnvironmentVariable("DATAPATH_PROPERTY_DECISIONS") ?? "1000000", CultureInfo.InvariantCulture);

    private static int Seed =>
        Environment.GetEnvironmentVariable("DATAPATH_PROPERTY_SEED") is { } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : Random.Shared.Next();

    [Fact]
    public void Compiled_tables_answer_like_the_evaluator()
    {
        int seed = Seed;
        output.WriteLine($"DATAPATH_PROPERTY_SEED={seed}, {Decisions} decisions");
        var reached = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int left = Decisions;
        int number = 0;
        long start = Stopwatch.GetTimestamp();
        for (; left > 0; number++)
        {
            var random = new Random(HashOf(seed, number));
            var generator = new RandomPolicy(random);
            PolicyCase one = generator.Next();
            left -= Check(one, random, generator, reached, $"seed {seed}, policy {number}");
        }
        output.WriteLine($"{Decisions - left} decisions over {number} policies in {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s, reached:");
        foreach ((string what, int times) in reached)
        {
            output.WriteLine($"{times,9} {what}");
        }
        Assert.Empty(Everything().Except(reached.Keys));
    }

    private static int HashOf(int seed, int number) => unchecked((seed * 1_000_003) + number);

    private static int Check(PolicyCase one, Random random, RandomPolicy generator, SortedDictionary<string, int> reached, string name)
    {
        var evaluator = new PolicyEvaluator(one.Written, one.Inventory, one.Options);
        CompiledPolicy compiled = Compile(one);
        var reader = new CompiledPolicyReader(compiled);
        var edges = new PolicyEdges(one);
        for (int i = 0; i < DecisionsOfCase && compiled.Units.Length > 0; i++)
        {
            LocalUnit unit = compiled.Units[random.Next(compiled.Units.Length)];
            var direction = (Direction)random.Next(2);
            AddressKey peer = edges.Address(random, generator.Address);
            (PortTable table, ushort key) = edges.Port(random, generator.Key);
            var question = new Question(new UnitName(unit.Namespace, unit.Name), direction, peer, table, key);
            Judgement expected = evaluator.Judge(question);
            Judgement actual = reader.Judge(unit.Number, direction, peer, table, key);
            if (expected != actual)
            {
                PolicyCase small = PolicyShrinker.Shrink(one, candidate => Differs(candidate, question));
                Assert.Fail($"{name}: {question}\nevaluator {expected}\ncompiled  {actual}\nsmallest policy that differs:\n{WrittenText.Of(small)}");
            }
            foreach (string what in Reached(expected))
            {
                reached[what] = reached.GetValueOrDefault(what) + 1;
            }
        }
        return compiled.Units.Length > 0 ? DecisionsOfCase : 0;
    }

    private static CompiledPolicy Compile(PolicyCase one)
    {
        PolicyResolution resolution = PolicyResolver.Resolve(one.Written, one.Inventory, one.Options);
        Assert.False(resolution.HasErrors, string.Join('\n', resolution.Diagnostics));
        PolicyCompilation compilation = PolicyCompiler.Compile(resolution.Policy, RuleIndexes.Empty);
        Assert.Empty(compilation.Diagnostics);
        return compilation.Policy!;
    }

    private static bool Differs(PolicyCase one, Question question)
    {
        CompiledPolicy compiled = Compile(one);
        LocalUnit? unit = compiled.Units.FirstOrDefault(unit => new UnitName(unit.Namespace, unit.Name) == question.Unit);
        return unit is not null
            && new PolicyEvaluator(one.Written, one.Inventory, one.Options).Judge(question)
                != new CompiledPolicyReader(compiled).Judge(unit.Number, question.Direction, question.Peer, question.Table, question.Key);
    }

    private static IEnumerable<string> Reached(Judgement judgement)
    {
        yield return judgement.Rule.Kind is RuleKind.BuiltIn
            ? $"{judgement.Rule.Ruleset} {judgement.Rule.Direction}"
            : $"{judgement.Rule.Kind} {judgement.Verdict}";
        if (judgement.Observed is not null)
        {
            yield return $"observed {judgement.ObservedVerdict}";
        }
        if (judgement is { Rule.Kind: RuleKind.Ruleset, Flags: DescriptorFlags.None })
        {
            yield return "not logged";
        }
    }

    private static string[] Everything()
    {
        string[] builtIns =
        [
            "excluded", "router-solicitation", "router-advertisement", "neighbour-solicitation", "neighbour-advertisement",
            "inverse-neighbour-solicitation", "inverse-neighbour-advertisement", "multicast-listener-query", "multicast-listener-report",
            "multicast-listener-done", "multicast-listener-report-v2",
        ];
        string[] everything =
        [
            "Ruleset Allow", "Ruleset Reject", "Default Allow", "Default Reject", "Failsafe Allow", "Local Allow", "observed Allow",
            "observed Reject", "not logged", .. builtIns.Select(name => $"{name} Incoming"), .. builtIns.Select(name => $"{name} Outgoing"),
        ];
        Array.Sort(everything, StringComparer.Ordinal);
        return everything;
    }
}
