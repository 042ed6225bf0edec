using System.Text;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Writing;

/// <summary>Writes the typed names of maps.</summary>
internal sealed class MapWriter(Naming naming, TypeNames types)
{
    private const string Prefix = "dp_";

    /// <summary>The class of all map names.</summary>
    internal Block Write(IEnumerable<CMap> maps)
    {
        var text = new StringBuilder();
        text.Append("/// <summary>The maps of the object, with what is in them.</summary>\n");
        text.Append("internal static class DpMaps\n{\n");
        text.Append(string.Join("\n", maps.Select(Map)));
        return new Block("the list of maps", text.Append("}\n").ToString());
    }

    private string Map(CMap map)
    {
        string name = naming.Type(map.Name.StartsWith(Prefix, StringComparison.Ordinal) ? map.Name[Prefix.Length..] : map.Name);
        if (map.Key is null || map.Value is null)
        {
            return $"    /// <summary><c>{map.Name}</c>, which has no keys.</summary>\n    internal const string {name} = \"{map.Name}\";\n";
        }

        string type = $"MapName<{types.Of(map.Key)}, {types.Of(map.Value)}>";
        return $"    /// <summary><c>{map.Name}</c>.</summary>\n    internal static readonly {type} {name} = new(\"{map.Name}\");\n";
    }
}
