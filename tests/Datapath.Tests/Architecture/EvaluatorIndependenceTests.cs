using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Datapath.Policy.Evaluation;
using Datapath.Shared.Oracle;
using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>The oracle is worth something only while it shares no line with what it judges.</summary>
public sealed class EvaluatorIndependenceTests
{
    private const string FlowOracleSpace = "Datapath.Shared.Oracle";
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

    /// <summary>What the oracle of flows may use besides: descriptions of packets and policies, and the name of a reason.</summary>
    private static readonly string[] AllowedToTheFlowOracle =
    [
        FlowOracleSpace,
        Evaluation,
        "Datapath.Policy.Inventory",
        "Datapath.Flows.DropReason",
        "Datapath.Shared.Sequences.Damage",
        "Datapath.Shared.Sequences.FragmentPart",
        "Datapath.Shared.Sequences.Origin",
        "Datapath.Shared.Sequences.PacketStep",
        "Datapath.Shared.Sequences.Place",
        "Datapath.Shared.Sequences.ProtocolNumber",
        "Datapath.Shared.Sequences.Step",
        "Datapath.Shared.Sequences.TcpFlags",
        "Datapath.Shared.Sequences.WirePacket",
        "Datapath.Tests.Support.PolicyCase",
        "Datapath.Tests.Support.PolicyEdges",
        "Datapath.Policy.Options",
        "Datapath.Policy.Rulesets",
    ];

    [Fact]
    public void The_evaluator_uses_nothing_of_resolution_and_compilation()
    {
        string[] ours = UsedBy(typeof(PolicyEvaluator).Assembly, Evaluation);
        Assert.Contains("Datapath.Policy.Rulesets.WrittenPolicy", ours);
        Assert.Contains("Datapath.Policy.Evaluation.WrittenScope", ours);
        Assert.DoesNotContain(ours, name => !Values.Contains(name) && !Allowed.Any(space => name.StartsWith($"{space}.", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_oracle_of_flows_uses_nothing_but_the_evaluator()
    {
        string[] ours = UsedBy(typeof(FlowOracle).Assembly, FlowOracleSpace);
        Assert.Contains("Datapath.Policy.Evaluation.PolicyEvaluator", ours);
        Assert.Contains("Datapath.Shared.Sequences.WirePacket", ours);
        Assert.DoesNotContain(ours, name => !Values.Contains(name) && !AllowedToTheFlowOracle.Any(one => name == one || name.StartsWith($"{one}.", StringComparison.Ordinal)));
    }

    /// <summary>Our types that the types of a namespace mention.</summary>
    private static string[] UsedBy(Assembly assembly, string space)
    {
        using var image = new PEReader(File.OpenRead(assembly.Location));
        MetadataReader metadata = image.GetMetadataReader();
        var used = new SortedSet<string>(StringComparer.Ordinal);
        foreach (TypeDefinition type in metadata.TypeDefinitions.Select(metadata.GetTypeDefinition).Where(type => IsOf(space, metadata, type)))
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
        return [.. used.Where(name => name.StartsWith("Datapath.", StringComparison.Ordinal))];
    }

    private static bool IsOf(string space, MetadataReader metadata, TypeDefinition type)
    {
        while (!type.GetDeclaringType().IsNil)
        {
            type = metadata.GetTypeDefinition(type.GetDeclaringType());
        }
        return metadata.GetString(type.Namespace) == space;
    }
}
