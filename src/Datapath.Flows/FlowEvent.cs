using System.Net;
using Datapath.Policy.Compilation;

namespace Datapath.Flows;

/// <summary>What the kernel says about one packet: a flow that opened, or a drop. The same from every backend.</summary>
public sealed record FlowEvent
{
    /// <summary>When the kernel judged, wall clock.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Number of the processing unit that was judged (<see cref="LocalUnit.Number"/>).</summary>
    public required int Unit { get; init; }

    /// <summary>Direction of the packet seen from the unit.</summary>
    public required Direction Direction { get; init; }

    /// <summary>Whether the packet passed.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>Why it was dropped; <see cref="DropReason.None"/> when it passed.</summary>
    public required DropReason Reason { get; init; }

    /// <summary>What kind of rule decided.</summary>
    public required DescriptorFlags Flags { get; init; }

    /// <summary>The rule that decided; 0 when the packet was dropped before any rule was asked.</summary>
    public required int RuleIndex { get; init; }

    /// <summary>An observing rule that matched too; 0 when there is none.</summary>
    public required int ObservedRuleIndex { get; init; }

    /// <summary>What the observing rule would have said; meaningless without one.</summary>
    public required Verdict ObservedVerdict { get; init; }

    /// <summary>IP protocol number.</summary>
    public required byte Protocol { get; init; }

    /// <summary>Source address as on the wire.</summary>
    public required IPAddress Source { get; init; }

    /// <summary>Source port; the identifier of an ICMP echo; 0 where there is none.</summary>
    public required ushort SourcePort { get; init; }

    /// <summary>Destination address as on the wire.</summary>
    public required IPAddress Destination { get; init; }

    /// <summary>Destination port, or <c>type &lt;&lt; 8 | code</c> for ICMP and ICMPv6; the protocol number for other protocols.</summary>
    public required ushort DestinationKey { get; init; }

    /// <summary>Where the packet was judged, such as <c>tc-ingress</c>.</summary>
    public required string Hook { get; init; }

    /// <summary>Who sent it; null where the hook does not know.</summary>
    public FlowProcess? Process { get; init; }

    /// <summary>The generation that it was judged by.</summary>
    public required uint Generation { get; init; }
}
