using System.Text.Json;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets;
using Xunit;

namespace Datapath.Tests.Policy.Rulesets;

/// <summary>The one door of the reader's tables: small objects in, codes out.</summary>
internal static class Read
{
    /// <summary>Codes that a text gives, in order.</summary>
    public static string[] CodesOf(string text) => [.. PolicyReader.Read("test.yaml", text).Diagnostics.Select(static d => d.Code)];

    /// <summary>A ruleset with one incoming rule of these protocolPorts.</summary>
    public static PolicyReading Ports(params string[] entries) =>
        PolicyReader.Read("ports.yaml", $"{{name: r, subject: [[a=b]], incomingRules: [{{action: Allow, object: [[c=d]], protocolPorts: {Json(entries)}}}]}}");

    /// <summary>An external network of these entries.</summary>
    public static PolicyReading Entries(params string[] entries) => PolicyReader.Read("entries.yaml", $"{{name: n, entries: {Json(entries)}}}");

    /// <summary>A ruleset with this subject.</summary>
    public static PolicyReading Subject(string tag) => PolicyReader.Read("tag.yaml", $"{{name: r, subject: [{Json([tag])}]}}");

    /// <summary>An external network with this tag of the user's own.</summary>
    public static PolicyReading AssociatedTag(string tag) =>
        PolicyReader.Read("tag.yaml", $"{{name: n, entries: [10.0.0.0/8], associatedTags: {Json([tag])}}}");

    /// <summary>Fails with the rendered diagnostics when there are any.</summary>
    public static WrittenPolicy Clean(PolicyReading reading)
    {
        Assert.Equal("", DiagnosticText.Render(reading.Diagnostics));
        return reading.Policy;
    }

    /// <summary>A list as JSON, which is YAML too and needs no thought about quotes.</summary>
    public static string Json(string[] items) => JsonSerializer.Serialize(items);
}
