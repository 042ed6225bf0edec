using System.Collections.Immutable;
using Datapath.Policy.Evaluation;
using Datapath.Policy.Inventory;
using Datapath.Tests.Support;

namespace Datapath.Shared.Sequences;

/// <summary>One thing that happens in a sequence.</summary>
internal abstract record Step;

/// <summary>A packet crosses an interface of the host.</summary>
/// <param name="Interface">Which.</param>
/// <param name="IsInwards">Seen from the host: it comes in by the interface.</param>
/// <param name="Origin">Where what goes out came from; nothing for what comes in.</param>
/// <param name="Packet">The packet.</param>
internal sealed record PacketStep(string Interface, bool IsInwards, Origin Origin, WirePacket Packet) : Step;

/// <summary>Another policy comes into force.</summary>
/// <param name="Version">Index into <see cref="SequenceCase.Versions"/>.</param>
internal sealed record PolicyStep(int Version) : Step;

/// <summary>Nothing happens for a while.</summary>
/// <param name="Seconds">
/// A multiple of 18: no sum of such waits comes within six seconds of a timeout (10, 30, 60, 120, 600, 432000), so that the milliseconds
/// which really pass decide nothing.
/// </param>
internal sealed record WaitStep(int Seconds) : Step;

/// <summary>The host loses what it remembers of flows: of all, or of one.</summary>
/// <param name="Of">A packet of the flow; null for all.</param>
internal sealed record EvictStep(WirePacket? Of) : Step;

/// <summary>Where a packet that leaves by an interface came from.</summary>
internal enum Origin
{
    /// <summary>The host made it.</summary>
    Host,

    /// <summary>It came in by another interface.</summary>
    OtherInterface,

    /// <summary>It came in by this interface.</summary>
    SameInterface,
}

/// <summary>An interface whose packets are judged.</summary>
/// <param name="Interface">Its name.</param>
/// <param name="Unit">The processing unit behind it; null for the host's uplink.</param>
/// <param name="Addresses">The unit's addresses.</param>
internal sealed record Place(string Interface, UnitName? Unit, ImmutableArray<AddressKey> Addresses);

/// <summary>Everything that a sequence needs to be judged again.</summary>
/// <param name="Versions">Policies that differ in rules only: units, networks' units and host are the same.</param>
/// <param name="Steps">What happens; version 0 is in force at first.</param>
internal sealed record SequenceCase(ImmutableArray<PolicyCase> Versions, ImmutableArray<Step> Steps);
