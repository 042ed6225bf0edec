using System.Text;
using Datapath.Bindgen.Model;
using Datapath.Interop.Btf;

namespace Datapath.Bindgen.Writing;

/// <summary>Writes what is compared with the object when it is loaded.</summary>
internal static class LayoutWriter
{
    /// <summary>The table of all layouts.</summary>
    /// <param name="types">The object's.</param>
    /// <param name="records">Those with a name of their own are recorded; the others are inside them.</param>
    /// <param name="enums">Likewise.</param>
    /// <param name="maps">All maps.</param>
    internal static Block Write(BtfTypes types, IEnumerable<CRecord> records, IEnumerable<CEnum> enums, IEnumerable<CMap> maps)
    {
        var text = new StringBuilder();
        text.Append("/// <summary>What the structs, enums and maps of this file were generated from.</summary>\n");
        text.Append("internal static class AbiLayout\n{\n");
        text.Append("    /// <summary>To be held against the object that is about to be loaded.</summary>\n");
        text.Append("    internal static RecordedLayout Recorded { get; } = new(\n");
        Append(text, records.Select(record => RecordedStruct.Of(types, record.Name)).Select(Struct), end: ",");
        Append(text, enums.Select(source => RecordedEnum.Of(types, source.Name)).Select(Enum), end: ",");
        Append(text, maps.Select(map => RecordedMap.Of(types, map.Name)).Select(Map), end: ");");
        return new Block("the recorded layout", text.Append("}\n").ToString());
    }

    private static void Append(StringBuilder text, IEnumerable<string?> rows, string end)
    {
        text.Append("        [\n");
        foreach (string? row in rows)
        {
            text.Append(row);
        }

        text.Append($"        ]{end}\n");
    }

    private static string? Struct(RecordedStruct? source) => source is null
        ? null
        : $"            new(\"{source.Name}\", {source.SizeBytes},\n            [\n"
            + string.Concat(source.Members.Select(member =>
                $"                new(\"{member.Name}\", {member.OffsetBits}, {member.WidthBits}, {member.SizeBytes}),\n"))
            + "            ]),\n";

    private static string? Enum(RecordedEnum? source) => source is null
        ? null
        : $"            new(\"{source.Name}\",\n            [\n"
            + string.Concat(source.Values.Select(value => $"                new(\"{value.Name}\", {value.Value}),\n"))
            + "            ]),\n";

    private static string? Map(RecordedMap? source) =>
        source is null ? null : $"            new(\"{source.Name}\", {source.KeyBytes}, {source.ValueBytes}),\n";
}
