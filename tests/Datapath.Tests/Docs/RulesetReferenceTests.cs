using Datapath.DocGen;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Schema;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Docs;

public sealed class RulesetReferenceTests
{
    [Fact]
    public void The_page_is_what_the_tables_print() => Golden.AssertMatches(Repository.PathOf("docs", "ruleset.md"), RulesetReference.Render());

    [Fact]
    public void The_page_names_every_field_and_every_code()
    {
        string page = RulesetReference.Render();
        IEnumerable<string> fields = PolicySchema.Resources.SelectMany(static resource => resource.Fields).Select(static field => $"`{field.Name}`");
        Assert.All(fields.Concat(PolicyDiagnostics.All.Select(static code => code.Id)), word => Assert.Contains(word, page, StringComparison.Ordinal));
    }
}
