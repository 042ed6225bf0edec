using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Printing;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Policy.Printing;

/// <summary>Each good file of the corpus with what it means and the tables that it becomes.</summary>
public sealed class StageCorpusTests
{
    private const int QuestionsOfCase = 3000;

    public static TheoryData<string> Cases => Corpus.Cases("ok");

    [Theory, MemberData(nameof(Cases))]
    public void Resolves_to_the_recorded_meaning(string name) =>
        Golden.AssertMatches(Corpus.PathOf("ok", name, "resolved.txt"), Resolved(CorpusPolicy.Of(name)));

    [Theory, MemberData(nameof(Cases))]
    public void Compiles_to_the_recorded_tables(string name) =>
        Golden.AssertMatches(Corpus.PathOf("ok", name, "tables.txt"), PolicyText.Tables(CorpusPolicy.Of(name).Compile()));

    [Theory, MemberData(nameof(Cases))]
    public void Prints_the_same_in_a_second_run(string name)
    {
        CorpusPolicy first = CorpusPolicy.Of(name);
        CorpusPolicy second = CorpusPolicy.Of(name);
        Assert.Equal(Resolved(first), Resolved(second));
        Assert.Equal(PolicyText.Tables(first.Compile()), PolicyText.Tables(second.Compile()));
    }

    /// <summary>A golden that was recorded wrong and accepted unread would still be found out here.</summary>
    [Theory, MemberData(nameof(Cases))]
    public void Means_to_the_oracle_what_the_tables_say(string name)
    {
        PolicyCase one = CorpusPolicy.Of(name).Case;
        CompiledPolicy compiled = CorpusPolicy.Of(name).Compile();
        var reader = new CompiledPolicyReader(compiled);
        var oracle = new PolicyEvaluator(one.Written, one.Inventory, one.Options);
        var edges = new PolicyEdges(one);
        var random = new Random(1);
        var generator = new RandomPolicy(random);
        for (int i = 0; i < QuestionsOfCase; i++)
        {
            LocalUnit unit = compiled.Units[random.Next(compiled.Units.Length)];
            var direction = (Direction)random.Next(2);
            AddressKey peer = edges.Address(random, generator.Address);
            (PortTable table, ushort key) = edges.Port(random, generator.Key);
            var question = new Question(new UnitName(unit.Namespace, unit.Name), direction, peer, table, key);
            Assert.Equal(oracle.Judge(question), reader.Judge(unit.Number, direction, peer, table, key));
        }
    }

    private static string Resolved(CorpusPolicy policy) =>
        PolicyText.Resolved(policy.Resolution.Policy) + DiagnosticText.Render(policy.Resolution.Diagnostics);
}
