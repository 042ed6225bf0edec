using System.Text;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;
using Datapath.Policy.Rulesets.Schema;
using Datapath.Policy.Rulesets.Yaml;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads where a unit is attached: exactly one of host, interface and cgroup.</summary>
internal static class AttachmentReader
{
    /// <summary>The kernel's IFNAMSIZ without its terminating zero, in bytes.</summary>
    private const int LongestInterface = 15;

    private static readonly Attachment Nowhere = new(AttachmentKind.None, "");

    /// <summary>The attachment of a unit; none when the field is absent or wrong.</summary>
    public static Attachment Read(FieldReader unit)
    {
        if (unit.Find("attach") is not { } value)
        {
            return Nowhere;
        }

        if (value is not MappingNode mapping)
        {
            unit.ReportType("attach", value, "a mapping");
            return Nowhere;
        }

        FieldReader fields = new(mapping, ProcessingUnitSchema.Attach, unit.Sink);
        int given = ProcessingUnitSchema.Attach.Fields.Count(field => fields.Find(field.Name) is not null);
        if (given != 1)
        {
            unit.Sink.Report(PolicyDiagnostics.BadAttach, mapping.At, $"`attach` has {given} of `host`, `interface` and `cgroup`");
            return Nowhere;
        }

        return Host(fields) ?? Interface(fields) ?? Cgroup(fields) ?? Nowhere;
    }

    /// <summary>Says whether a name can be that of a network interface.</summary>
    public static void CheckInterface(ScalarNode name, DiagnosticSink sink)
    {
        if (!IsInterfaceName(name.Text))
        {
            sink.Report(PolicyDiagnostics.BadInterface, name.At, $"{Quoted.Value(name.Text)} is not the name of an interface");
        }
    }

    private static Attachment? Host(FieldReader fields)
    {
        if (fields.Scalar("host") is not { } node)
        {
            return null;
        }

        bool isHost = fields.Flag("host");
        if (node is { IsPlain: true, Text: "false" })
        {
            fields.Sink.Report(PolicyDiagnostics.BadAttach, node.At, "`host: false` attaches to nothing");
        }

        return isHost ? new Attachment(AttachmentKind.Host, "") : Nowhere;
    }

    private static Attachment? Interface(FieldReader fields)
    {
        if (fields.Scalar("interface") is not { } node)
        {
            return null;
        }

        CheckInterface(node, fields.Sink);
        return new Attachment(AttachmentKind.Interface, node.Text);
    }

    private static Attachment? Cgroup(FieldReader fields)
    {
        if (fields.Scalar("cgroup") is not { } node)
        {
            return null;
        }

        if (!IsCgroupPath(node.Text))
        {
            fields.Sink.Report(
                PolicyDiagnostics.BadCgroup,
                node.At,
                $"{Quoted.Value(node.Text)} is not the path of a cgroup",
                node.Text == "/" ? "the root cgroup is the host: write `host: true`" : null
            );
        }

        return new Attachment(AttachmentKind.Cgroup, node.Text);
    }

    /// <remarks>The rules of dev_valid_name in net/core/dev.c.</remarks>
    private static bool IsInterfaceName(string name) =>
        name.Length > 0
        && Encoding.UTF8.GetByteCount(name) <= LongestInterface
        && name is not ("." or "..")
        && !name.Any(static c => c is '/' or ':' || char.IsWhiteSpace(c) || char.IsControl(c));

    private static bool IsCgroupPath(string path) =>
        path.Length > 1
        && path[0] == '/'
        && !path.Any(char.IsControl)
        && path[1..].Split('/').All(static part => part is not ("" or "." or ".."));
}
