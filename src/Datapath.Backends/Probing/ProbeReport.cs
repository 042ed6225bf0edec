using System.Collections.Immutable;
using System.Net;

namespace Datapath.Backends.Probing;

/// <summary>What came of a probe.</summary>
public enum ProbeOutcome
{
    /// <summary>The connection was made, or the echo came back.</summary>
    Answered,

    /// <summary>Somebody answered with a reset: nobody listens there, or a filter says so.</summary>
    Refused,

    /// <summary>The network or the host itself said that it cannot be: no route, prohibited, unreachable.</summary>
    Unreachable,

    /// <summary>Nothing came in time.</summary>
    Silent,
}

/// <summary>A probe that was sent from a processing unit, and what was seen of it.</summary>
/// <param name="Outcome">What came of it.</param>
/// <param name="Source">Where it came from; for an echo the port is the identifier.</param>
/// <param name="RoundTrip">From the first packet to the answer; null without one.</param>
/// <param name="Error">What the system said; null when it said nothing.</param>
/// <param name="LeftBy">Interfaces of the host that its packet was seen to leave by, loopback left out; those that lead to units of this host are among them.</param>
/// <param name="Translation">What connection tracking knows of translated addresses; null when it does not know the probe.</param>
public sealed record ProbeReport(
    ProbeOutcome Outcome,
    IPEndPoint Source,
    TimeSpan? RoundTrip,
    string? Error,
    ImmutableArray<string> LeftBy,
    ProbeTranslation? Translation
);

/// <summary>What a probe became on the wire.</summary>
/// <param name="Source">Who sends it, after translation.</param>
/// <param name="Destination">To whom it goes, after translation.</param>
/// <param name="Kinds">Of <c>SNAT</c>, <c>DNAT</c>, <c>SPAT</c> and <c>DPAT</c> those that apply; empty when nothing is translated.</param>
public sealed record ProbeTranslation(IPEndPoint Source, IPEndPoint Destination, ImmutableArray<string> Kinds);
