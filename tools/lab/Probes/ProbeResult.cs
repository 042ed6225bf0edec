namespace Datapath.Lab.Probes;

/// <summary>What an attempt saw of the network.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="SourcePort">Port, or echo identifier, that it was made from: with the addresses, its name in the kernel's events.</param>
public readonly record struct ProbeResult(ProbeOutcome Outcome, ushort SourcePort);

/// <summary>How an attempt ended.</summary>
public enum ProbeOutcome
{
    /// <summary>The other side answered with what was sent.</summary>
    Answered,

    /// <summary>The other side, or this kernel, refused it at once.</summary>
    Refused,

    /// <summary>Nothing came back in time.</summary>
    TimedOut,
}
