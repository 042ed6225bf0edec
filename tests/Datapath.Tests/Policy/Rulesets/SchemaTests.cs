using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Datapath.Policy.Rulesets.Schema;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

/// <summary>The table and the readers agree: a reader cannot ask for a field that the table lacks (it would throw), and here none is in the table in vain.</summary>
public sealed class SchemaTests
{
    public static TheoryData<string, string> Fields => FieldsWhere(isIgnored: false);

    public static TheoryData<string, string> IgnoredFields => FieldsWhere(isIgnored: true);

    public static TheoryData<string, string> ResourceNames =>
        [.. PolicySchema.Resources.SelectMany(static resource => resource.Names.Select(name => (name, resource.Title)))];

    [Theory]
    [MemberData(nameof(Fields))]
    public void Every_field_is_read(string resource, string field)
    {
        // Wrong for every type: a list in a list where text, a boolean or a mapping has to stand, a mapping in a list where lists have to stand.
        PolicyReading reading = PolicyReader.Read("field.yaml", $"data:\n  {resource}:\n  - {field}: [[{{x: y}}]]\n");
        Assert.Contains(reading.Diagnostics, static d => d.At.Line == 3 && d.At.Column > 5 && d.Code == PolicyDiagnostics.WrongType.Id);
    }

    [Theory]
    [MemberData(nameof(IgnoredFields))]
    public void An_ignored_field_takes_anything_in_silence(string resource, string field)
    {
        PolicyReading reading = PolicyReader.Read("field.yaml", $"data:\n  {resource}:\n  - {field}: [[{{x: y}}]]\n");
        Assert.All(reading.Diagnostics, static d => Assert.Equal(PolicyDiagnostics.MissingField.Id, d.Code));
    }

    [Theory]
    [MemberData(nameof(ResourceNames))]
    public void Every_spelling_of_a_resource_is_read(string name, string title)
    {
        PolicyReading reading = PolicyReader.Read("resource.yaml", $"data:\n  {name}:\n  - unheard: of\n");
        Assert.Contains(reading.Diagnostics, d => d.Message == $"`unheard` is not a field of {title}");
    }

    [Theory]
    [InlineData("incomingRules", "action")]
    [InlineData("incomingRules", "object")]
    [InlineData("incomingRules", "protocolPorts")]
    [InlineData("incomingRules", "logsDisabled")]
    [InlineData("outgoingRules", "observationEnabled")]
    [InlineData("outgoingRules", "name")]
    public void Every_field_of_a_rule_is_read(string list, string field)
    {
        PolicyReading reading = PolicyReader.Read("field.yaml", $"data:\n  networkrulesetpolicies:\n  - {list}:\n    - {field}: [[{{x: y}}]]\n");
        Assert.Contains(reading.Diagnostics, static d => d.At.Line == 4 && d.Code == PolicyDiagnostics.WrongType.Id);
        Assert.Equal(6, PolicySchema.Resources.Single(static r => r.Kind == ResourceKind.NetworkRuleset).Find(list)!.Nested!.Fields.Count(static f => !f.IsIgnored));
    }

    /// <summary>A field that tells one kind must not stand in another, or a bare object could be taken for the wrong thing.</summary>
    [Fact]
    public void A_telling_field_belongs_to_one_resource()
    {
        foreach (FieldSchema field in PolicySchema.Resources.SelectMany(static resource => resource.Fields).Where(static field => field.IsTelling))
        {
            Assert.Single(PolicySchema.Resources, resource => resource.Find(field.Name) is not null);
        }
    }

    private static TheoryData<string, string> FieldsWhere(bool isIgnored) =>
        [
            .. PolicySchema.Resources.SelectMany(resource =>
                resource.Fields.Where(member => member.IsIgnored == isIgnored).Select(member => (resource.Names[0], member.Name))
            ),
        ];
}
