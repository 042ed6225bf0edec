using System.Text;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary>Compiled tables as a person reads them. Equal policies give equal bytes.</summary>
internal static class CompileText
{
    private const int MostMembers = 6;

    /// <summary>A block of sizes, then units, policies and classes.</summary>
    /// <param name="document">The tables.</param>
    /// <param name="isFull">Whether long lists stand in full.</param>
    public static string Render(CompileDocument document, bool isFull)
    {
        StringBuilder text = new();
        foreach ((string name, string value) in Facts(document))
        {
            text.Append(name.PadRight(14)).Append(value).Append('\n');
        }

        TextTable units = new(["unit", "name", "namespace", "attached to", "policy"], rightAligned: [0, 4]);
        foreach (CompiledUnitDocument unit in document.Units)
        {
            units.Add([$"{unit.Number}", unit.Name, unit.Namespace, unit.AttachedTo, $"{unit.Policy}"]);
        }

        TextTable policies = new(["policy", "units", "incoming rows", "outgoing rows", "shared by"], rightAligned: [0, 1, 2, 3]);
        foreach (CompiledSharingDocument policy in document.Policies)
        {
            policies.Add(
                [
                    $"{policy.Number}",
                    $"{policy.Units.Length}",
                    $"{policy.IncomingRows}",
                    $"{policy.OutgoingRows}",
                    ShortList.Of(policy.Units, MostMembers, isFull, ", "),
                ]
            );
        }

        text.Append('\n').Append(units.Render()).Append('\n').Append(policies.Render());
        text.Append('\n').Append(Classes("peer class", "networks", document.PeerClasses, isFull));
        text.Append('\n').Append(Classes("port class", "entries", document.PortClasses, isFull));
        return text.ToString();
    }

    private static IEnumerable<(string Name, string Value)> Facts(CompileDocument document)
    {
        ImageSizesDocument image = document.Image;
        yield return ("files", $"{document.Files.Length}");
        yield return ("kernel image", $"{image.Bytes} bytes");
        yield return ("  addresses", $"{image.Addresses} bytes");
        yield return ("  ports", $"{image.Ports} bytes");
        yield return ("  rows", $"{image.Rows} bytes, {document.RowForm}");
        yield return ("  row tables", $"{image.RowTables} bytes");
        yield return ("  units", $"{image.Units} bytes");
        yield return ("  outcomes", $"{image.Outcomes} bytes");
        yield return ("rules", $"{document.Rules}");
        yield return ("outcomes", $"{document.Descriptors}");
        yield return ("matrix", $"{document.Rows} rows of {document.PortClasses.Length} cells in {document.Runs} runs");
        yield return ("classes", $"{document.PeerClasses.Length} of peers, {document.PortClasses.Length} of ports");
    }

    private static string Classes(string heading, string counted, IEnumerable<ClassDocument> classes, bool isFull)
    {
        TextTable table = new([heading, counted, "members"], rightAligned: [0, 1]);
        foreach (ClassDocument one in classes)
        {
            string units = one.Units.IsEmpty ? "" : $" ({ShortList.Of(one.Units, MostMembers, isFull, ", ")})";
            table.Add([$"{one.Number}", $"{one.Members.Length}", ShortList.Of(one.Words, MostMembers, isFull) + units]);
        }

        return table.Render();
    }
}
