namespace Datapath.Flows;

/// <summary>Packets and bytes.</summary>
/// <param name="Packets">How many; those of a segment that the network card cuts are counted as it will be cut, where the kernel says so.</param>
/// <param name="Bytes">From the IP header on.</param>
public readonly record struct FlowTraffic(long Packets, long Bytes)
{
    /// <summary>What was added since.</summary>
    /// <param name="before">Totals of an earlier moment. When they are larger the kernel has begun anew, and everything is.</param>
    public FlowTraffic Since(FlowTraffic before) =>
        before.Packets > Packets || before.Bytes > Bytes ? this : new FlowTraffic(Packets - before.Packets, Bytes - before.Bytes);

    /// <summary>Both together.</summary>
    public static FlowTraffic operator +(FlowTraffic one, FlowTraffic other) => new(one.Packets + other.Packets, one.Bytes + other.Bytes);
}

/// <summary>What both ends of a flow have sent.</summary>
/// <param name="Source">What the source of its record has.</param>
/// <param name="Destination">What the destination has.</param>
public readonly record struct FlowCarried(FlowTraffic Source, FlowTraffic Destination)
{
    /// <summary>Both together.</summary>
    public static FlowCarried operator +(FlowCarried one, FlowCarried other) => new(one.Source + other.Source, one.Destination + other.Destination);
}
