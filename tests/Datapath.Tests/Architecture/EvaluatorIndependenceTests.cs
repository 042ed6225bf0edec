using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Datapath.Policy.Evaluation;
using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>The oracle is worth something only while it shares no line with what it judges.</summary>
public sealed class EvaluatorIndependenceTests
{
    private const string Evaluation = "Datapath.Policy.Evaluation";

    /// <summary>Plain values of the seam: they carry answers and decide nothing.</summary>
    private static readonly HashSet<string> Values =
    [
        "Datapath.Policy.Compilation.Direction",
        "Datapath.Policy.Compilation.DescriptorFlags",
        "Datapath.Policy.Compilation.Judgement",
        "Datapath.Policy.Compilation.PortTable",
        "Datapath.Policy.Compilation.RuleIdentity",
        "Datapath.Policy.Compilation.RuleKind",
        "Datapath.Policy.Compilation.Verdict",
    ];

    private static readonly string[] Allowed =
    [
        Evaluation,
        "Datapath.Policy.Inventory",
        "Datapath.Policy.Options",
        "Datapath.Policy.Rulesets",
        "Datapath.Policy.Diagnostics",
    ];

    [Fact]
    public void The_evaluator_uses_nothing_of_resolution_and_compilation()
    {
        using var image = new PEReader(File.OpenRead(typeof(PolicyEvaluator).Assembly.Location));
        MetadataReader metadata = image.GetMetadataReader();
        var used = new SortedSet<string>(StringComparer.Ordinal);
        foreach (TypeDefinition type in metadata.TypeDefinitions.Select(metadata.GetTypeDefinition).Where(type => IsEvaluation(metadata, type)))
        {
            foreach (FieldDefinition field in type.GetFields().Select(metadata.GetFieldDefinition))
            {
                used.UnionWith(field.DecodeSignature(TypeNames.Provider, genericContext: null));
            }
            foreach (MethodDefinition method in type.GetMethods().Select(metadata.GetMethodDefinition))
            {
                used.UnionWith(MethodTypes.Of(image, metadata, method));
            }
        }
        string[] ours = [.. used.Where(name => name.StartsWith("Datapath.", StringComparison.Ordinal))];
        Assert.Contains("Datapath.Policy.Rulesets.WrittenPolicy", ours);
        Assert.Contains("Datapath.Policy.Evaluation.WrittenScope", ours);
        Assert.DoesNotContain(ours, name => !Values.Contains(name) && !Allowed.Any(space => name.StartsWith($"{space}.", StringComparison.Ordinal)));
    }

    private static bool IsEvaluation(MetadataReader metadata, TypeDefinition type)
    {
        while (!type.GetDeclaringType().IsNil)
        {
            type = metadata.GetTypeDefinition(type.GetDeclaringType());
        }
        return metadata.GetString(type.Namespace) == Evaluation;
    }
}
