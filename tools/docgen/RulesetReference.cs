using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Datapath.Policy.Rulesets.Schema;

namespace Datapath.DocGen;

/// <summary>The page <c>docs/ruleset.md</c>: every resource and field, from the schema that the reader checks files against.</summary>
public static class RulesetReference
{
    /// <summary>The page.</summary>
    public static string Render()
    {
        Markdown page = new();
        page.Heading(1, "Policy files");
        page.Paragraph("<!-- Printed by `docgen ruleset` from the tables in the code. Change those, not this. -->");
        page.Lines(RulesetProse.Files);
        page.Heading(2, "Import file");
        Mapping(page, PolicySchema.ImportFile);
        foreach (ResourceSchema resource in PolicySchema.Resources)
        {
            Resource(page, resource);
        }

        page.Heading(2, "Tags and tag expressions");
        page.Lines(RulesetProse.Tags);
        page.Heading(2, "Networks");
        page.Lines(RulesetProse.Networks);
        page.Heading(2, "protocolPorts");
        page.Paragraph(RulesetProse.Ports);
        page.Lines($"Protocol names: {string.Join(", ", ProtocolNames.All.Select(static name => $"`{name}`"))}.");
        page.Heading(2, "Messages");
        page.Paragraph(RulesetProse.Messages);
        page.Table(
            ["code", "", "about", "what to do"],
            PolicyDiagnostics.All.Select(static code => new[] { code.Id, Severity(code), code.Title, code.Help })
        );
        return page.ToString();
    }

    private static void Resource(Markdown page, ResourceSchema resource)
    {
        page.Heading(2, resource.Names[0]);
        Mapping(page, resource);
        string telling = Names(resource.Fields.Where(static field => field.IsTelling).Select(static field => field.Name));
        string ignored = Names(resource.Fields.Where(static field => field.IsIgnored).Select(static field => field.Name).Order(StringComparer.Ordinal));
        page.Lines($"\nAlso written {Names(resource.Names.Skip(1))}. Alone in a document it is told by {telling}.");
        page.Lines($"Accepted without effect: {ignored}.");
        foreach (IGrouping<MappingSchema, FieldSchema> nested in resource.Fields.Where(static field => field.Nested is not null).GroupBy(static field => field.Nested!))
        {
            page.Heading(3, $"{resource.Names[0]}: {string.Join(", ", nested.Select(static field => field.Name))}");
            Mapping(page, nested.Key);
        }
    }

    private static void Mapping(Markdown page, MappingSchema schema)
    {
        page.Paragraph(schema.Summary);
        page.Table(
            ["field", "holds", "if absent", "meaning and rules"],
            schema
                .Fields.Where(static field => !field.IsIgnored)
                .Select(static field => new[] { $"`{field.Name}`", TypeName(field.Type), field.IsRequired ? "error" : field.Default, field.Rule })
        );
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(static name => $"`{name}`"));

    private static string Severity(DiagnosticCode code) => code.Severity == DiagnosticSeverity.Error ? "error" : "warning";

    private static string TypeName(FieldType type) =>
        type switch
        {
            FieldType.Text => "text",
            FieldType.Boolean => "`true` or `false`",
            FieldType.TextList => "list of text",
            FieldType.TagList => "list of tags",
            FieldType.TagExpression => "tag expression",
            FieldType.NetworkList => "list of networks",
            FieldType.PortList => "list of protocolPorts",
            FieldType.Mapping => "mapping",
            FieldType.MappingList => "list of mappings",
            _ => "anything",
        };
}
