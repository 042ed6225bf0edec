using System.Collections.Immutable;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Printing;

namespace Datapath.Agent.Documents;

/// <summary>What <c>datapath compile --json</c> answers: what a policy comes to.</summary>
/// <param name="Files">The files that were read, in order.</param>
/// <param name="Image">What the kernel would hold.</param>
/// <param name="Rules">Rules that decide somewhere, defaults and built-ins included.</param>
/// <param name="Descriptors">Distinct outcomes: verdict, rule, observing rule.</param>
/// <param name="Rows">Distinct rows of the verdict matrix.</param>
/// <param name="RowForm">How the kernel would hold them: <c>dense</c> or <c>compressed</c>.</param>
/// <param name="Runs">Runs of equal cells in all rows together.</param>
/// <param name="Units">Units of this host.</param>
/// <param name="Policies">Distinct policies, which units share.</param>
/// <param name="PeerClasses">Groups of addresses that no rule tells apart.</param>
/// <param name="PortClasses">Groups of ports that no rule tells apart.</param>
internal sealed record CompileDocument(
    ImmutableArray<string> Files,
    ImageSizesDocument Image,
    int Rules,
    int Descriptors,
    int Rows,
    string RowForm,
    long Runs,
    ImmutableArray<CompiledUnitDocument> Units,
    ImmutableArray<CompiledSharingDocument> Policies,
    ImmutableArray<ClassDocument> PeerClasses,
    ImmutableArray<ClassDocument> PortClasses
)
{
    private static readonly Dictionary<AddressKey, string> NoNames = [];

    /// <summary>The tables as JSON has them.</summary>
    /// <param name="files">The files that were read, in order.</param>
    /// <param name="policy">The tables.</param>
    public static CompileDocument Of(ImmutableArray<string> files, CompiledPolicy policy)
    {
        PolicyImage image = PolicyImageEncoder.Encode(policy);
        return new CompileDocument(
            files,
            ImageSizesDocument.Of(image),
            policy.Rules.Length,
            policy.Descriptors.Length,
            policy.Rows.Length,
            RowFormText.Of(image.Layout.Form),
            policy.Rows.Sum(row => (long)row.Runs.Length),
            [.. policy.Units.Select(unit => new CompiledUnitDocument(unit.Number, unit.Name, unit.Namespace, AttachedTo(unit.Attach), unit.Policy))],
            [.. policy.Policies.Select((one, i) => Sharing(policy, one, i))],
            PeersOf(policy),
            PortsOf(policy)
        );
    }

    private static CompiledSharingDocument Sharing(CompiledPolicy policy, UnitPolicy one, int number) =>
        new(
            number,
            [.. policy.Units.Where(unit => unit.Policy == number).Select(unit => unit.Name)],
            one.Incoming.Distinct().Count(),
            one.Outgoing.Distinct().Count()
        );

    private static ImmutableArray<ClassDocument> PeersOf(CompiledPolicy policy)
    {
        Dictionary<int, string> names = policy.Units.ToDictionary(unit => unit.Number, unit => unit.Name);
        return
        [
            .. PeerSegment
                .Of(policy.Peers)
                .GroupBy(segment => segment.Class)
                .OrderBy(group => group.Key)
                .Select(group => new ClassDocument(
                    group.Key,
                    AddressSpanText.Of(group.Select(segment => segment.Span), NoNames),
                    AddressSpanText.Networks(group.Select(segment => segment.Span)),
                    [.. group.Select(segment => (int)segment.Unit).Where(unit => unit != 0).Distinct().Order().Select(unit => names[unit])]
                )),
        ];
    }

    private static ImmutableArray<ClassDocument> PortsOf(CompiledPolicy policy) =>
        [
            .. PortSegment
                .Of(policy.Ports)
                .GroupBy(segment => segment.Class)
                .OrderBy(group => group.Key)
                .Select(group => new ClassDocument(
                    group.Key,
                    PortSpanText.Of(group.Select(segment => segment.Span)),
                    PortSpanText.Exact(group.Select(segment => segment.Span)),
                    []
                )),
        ];

    private static string AttachedTo(Attachment attach) =>
        attach.Kind switch
        {
            AttachmentKind.Host => "host",
            AttachmentKind.Interface => $"interface {attach.Target}",
            _ => $"cgroup {attach.Target}",
        };
}

/// <summary>Bytes of the kernel's image of a policy, counters and connection table not included.</summary>
/// <param name="Bytes">All of it.</param>
/// <param name="Addresses">Address to peer class.</param>
/// <param name="Ports">Port to port class.</param>
/// <param name="Rows">Rows of the verdict matrix: port class to outcome.</param>
/// <param name="RowTables">Peer class to row, for each policy and direction.</param>
/// <param name="Units">Units to their policy.</param>
/// <param name="Outcomes">Descriptors.</param>
internal sealed record ImageSizesDocument(long Bytes, long Addresses, long Ports, long Rows, long RowTables, long Units, long Outcomes)
{
    /// <summary>The sizes of an image, which holds its parts in this order.</summary>
    /// <param name="image">The image.</param>
    public static ImageSizesDocument Of(PolicyImage image)
    {
        long ports = (long)image.Layout.Ports[0] * PolicyImage.LineBytes;
        long rows = (long)image.Layout.Rows * PolicyImage.LineBytes;
        long rowTables = rows + image.Layout.RowBytes;
        long units = (long)image.Layout.Units * PolicyImage.LineBytes;
        long outcomes = (long)image.Layout.Descriptors * PolicyImage.LineBytes;
        return new ImageSizesDocument(
            image.Bytes,
            ports,
            rows - ports,
            image.Layout.RowBytes,
            units - rowTables,
            outcomes - units,
            image.Bytes - outcomes
        );
    }
}

/// <summary>A unit of this host.</summary>
/// <param name="Number">The number that events know it by.</param>
/// <param name="Name">Its name.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="AttachedTo">Where its packets are judged.</param>
/// <param name="Policy">Number of its policy.</param>
internal sealed record CompiledUnitDocument(int Number, string Name, string Namespace, string AttachedTo, int Policy);

/// <summary>A policy and who shares it.</summary>
/// <param name="Number">From 0.</param>
/// <param name="Units">Names of the units that it judges.</param>
/// <param name="IncomingRows">Distinct rows for connections towards them.</param>
/// <param name="OutgoingRows">Distinct rows for connections that they open.</param>
internal sealed record CompiledSharingDocument(int Number, ImmutableArray<string> Units, int IncomingRows, int OutgoingRows);

/// <summary>A class.</summary>
/// <param name="Number">From 0, which no rule names.</param>
/// <param name="Words">The fewest words for its members, as the text form has them.</param>
/// <param name="Members">Its networks or ports, one by one.</param>
/// <param name="Units">Units of this host with an address in it.</param>
internal sealed record ClassDocument(int Number, ImmutableArray<string> Words, ImmutableArray<string> Members, ImmutableArray<string> Units);
