using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>Policy and Flows are text and values in, values out: the compiled assemblies name nothing of the world outside.</summary>
public sealed class PureAssemblyTests
{
    private static readonly string[] World =
    [
        "System.IO.File", "System.IO.FileInfo", "System.IO.FileStream", "System.IO.Directory", "System.IO.DirectoryInfo", "System.IO.RandomAccess",
        "System.Net.Dns", "System.Net.Sockets.Socket", "System.Net.Http.HttpClient", "System.Diagnostics.Process",
        "System.Console", "System.TimeProvider", "System.Random", "System.Threading.Thread", "System.Threading.Timer",
    ];

    [Theory]
    [InlineData("Datapath.Policy")]
    [InlineData("Datapath.Flows")]
    public void A_pure_assembly_names_nothing_of_the_world(string assembly)
    {
        using var file = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"{assembly}.dll")));
        var metadata = file.GetMetadataReader();
        var named = metadata
            .TypeReferences.Select(handle => metadata.GetTypeReference(handle))
            .Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}");
        Assert.Empty(named.Intersect(World, StringComparer.Ordinal));
    }
}
