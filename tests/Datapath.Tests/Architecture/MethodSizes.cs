using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Datapath.Tests.Architecture;

/// <summary>Lengths of methods in lines, as the compiler recorded them for debuggers.</summary>
internal static class MethodSizes
{
    /// <summary>Reads an assembly and the symbols beside it.</summary>
    /// <param name="assembly">Path of the assembly.</param>
    /// <returns>For each method body: its source file, its first line, its length in lines; constructors left out.</returns>
    public static ImmutableArray<(string File, int FirstLine, int Lines)> Read(string assembly)
    {
        using var image = new PEReader(File.OpenRead(assembly));
        using var provider = MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(Path.ChangeExtension(assembly, ".pdb")));
        var metadata = image.GetMetadataReader();
        var symbols = provider.GetMetadataReader();
        var sizes = ImmutableArray.CreateBuilder<(string, int, int)>();
        foreach (var handle in metadata.MethodDefinitions)
        {
            var points = symbols.GetMethodDebugInformation(handle.ToDebugInformationHandle()).GetSequencePoints().Where(point => !point.IsHidden).ToList();
            // Constructors run field initializers from all over their file, most of them tables.
            var name = metadata.GetString(metadata.GetMethodDefinition(handle).Name);
            if (points.Count > 0 && name is not (".ctor" or ".cctor"))
            {
                var first = points.Min(point => point.StartLine);
                var lines = points.Max(point => point.EndLine) - first + 1;
                sizes.Add((symbols.GetString(symbols.GetDocument(points[0].Document).Name), first, lines));
            }
        }

        return sizes.ToImmutable();
    }
}
