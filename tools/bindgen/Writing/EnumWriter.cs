using System.Text;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Writing;

/// <summary>Writes enums.</summary>
internal sealed class EnumWriter(Naming naming)
{
    /// <summary>One enum.</summary>
    internal Block Write(CEnum source)
    {
        var text = new StringBuilder();
        text.Append($"/// <summary>{source.Source}: <c>enum {source.Name}</c>.</summary>\n");
        if (source.Name.EndsWith("_flags", StringComparison.Ordinal))
        {
            text.Append("[Flags]\n");
        }

        string underlying = NumberTypes.Of(source.SizeBytes, source.IsSigned)!.Name;
        text.Append($"internal enum {naming.Type(source.Name)}{(underlying == "int" ? "" : $" : {underlying}")}\n{{\n");
        foreach (CConstant value in source.Values)
        {
            text.Append($"    {naming.Value(source.Name, value.Name)} = {value.Value},\n");
        }

        return new Block($"enum {source.Name}", text.Append("}\n").ToString());
    }
}
