namespace Datapath.Backends.Selection;

/// <summary>Somebody else who filters packets of this host. None keeps us from running; all explain why a packet may not arrive.</summary>
/// <param name="Name">Who.</param>
/// <param name="Finding">Whether it is there.</param>
/// <param name="Evidence">What was seen.</param>
/// <param name="Advice">What it means beside us; null when it is not there.</param>
public sealed record Neighbour(string Name, Finding Finding, string Evidence, string? Advice = null);
