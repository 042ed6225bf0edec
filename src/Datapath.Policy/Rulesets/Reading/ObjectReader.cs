using Datapath.Policy.Diagnostics;
using Datapath.Policy.Rulesets.Schema;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads one object of a known kind into a document's objects.</summary>
internal static class ObjectReader
{
    /// <summary>Characters in a name, in Unicode characters.</summary>
    public const int LongestName = 256;

    private const int LongestDescription = 1024;

    /// <summary>Reads the object and adds it, unless too little of it is left to stand for anything.</summary>
    public static void Read(ResourceSchema resource, MappingNode node, WrittenObjects objects, DiagnosticSink sink)
    {
        FieldReader fields = new(node, resource, sink);
        switch (resource.Kind)
        {
            case ResourceKind.Namespace:
                Add(objects.Namespaces, NamespaceReader.Read(fields));
                break;
            case ResourceKind.ExternalNetwork:
                Add(objects.ExternalNetworks, ExternalNetworkReader.Read(fields));
                break;
            case ResourceKind.NetworkRuleset:
                Add(objects.Rulesets, NetworkRulesetReader.Read(fields));
                break;
            case ResourceKind.ProcessingUnit:
                Add(objects.ProcessingUnits, ProcessingUnitReader.Read(fields));
                break;
            case ResourceKind.EnforcerProfile:
                Add(objects.EnforcerProfiles, EnforcerProfileReader.Read(fields));
                break;
            case ResourceKind.EnforcerProfileMapping:
                Add(objects.EnforcerProfileMappings, EnforcerProfileMappingReader.Read(fields));
                break;
            default:
                throw new System.Diagnostics.UnreachableException($"resource {resource.Kind}");
        }
    }

    /// <summary>The name of an object.</summary>
    public static string Name(FieldReader fields)
    {
        string name = fields.Text("name", LongestName);
        if (name.Length == 0 && fields.Find("name", isRequired: false) is ScalarNode empty)
        {
            fields.Sink.Report(PolicyDiagnostics.MissingField, empty.At, "`name` is empty", "write 1 to 256 characters");
        }

        return name;
    }

    /// <summary>The description of an object.</summary>
    public static string Description(FieldReader fields) => fields.Text("description", LongestDescription);

    private static void Add<T>(List<T> list, T? item)
        where T : WrittenObject
    {
        if (item is not null)
        {
            list.Add(item);
        }
    }
}
