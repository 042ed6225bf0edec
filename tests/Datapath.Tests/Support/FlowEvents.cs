using System.Net;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Tests.Support;

/// <summary>Flow events in a line each.</summary>
internal static class FlowEvents
{
    public static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    /// <summary>An allowed incoming connection of the host.</summary>
    public static FlowEvent Of(string source = "198.51.100.9", string destination = "192.0.2.1", ushort port = 80, byte protocol = 6, int rule = 1) =>
        new()
        {
            Time = Start,
            Unit = 1,
            Direction = Direction.Incoming,
            Verdict = Verdict.Allow,
            Reason = DropReason.None,
            Flags = DescriptorFlags.Log,
            RuleIndex = rule,
            ObservedRuleIndex = 0,
            ObservedVerdict = Verdict.Reject,
            Protocol = protocol,
            Source = IPAddress.Parse(source),
            SourcePort = 40000,
            Destination = IPAddress.Parse(destination),
            DestinationKey = port,
            Hook = "tc-ingress",
            Generation = 7,
        };

    /// <summary>A moment, so many seconds after the start by both clocks.</summary>
    public static FlowMoment At(double seconds) => new(Start.AddSeconds(seconds), TimeSpan.FromSeconds(1000 + seconds));

    /// <summary>A record of one event.</summary>
    public static FlowRecord Record(FlowEvent? flow = null, FlowNames? names = null) =>
        FlowRecord.Of(Start, flow ?? Of(), (flow ?? Of()).Time, count: 1, names ?? FlowNames.None);
}
