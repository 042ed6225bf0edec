using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>Which backend is to enforce, and why.</summary>
/// <param name="Asked">The backend that the options name.</param>
/// <param name="Chosen">The backend that can; <see cref="BackendKind.None"/> when none can.</param>
/// <param name="Reason">One line.</param>
/// <param name="InTheWay">What is needed and missing: of the backend that was asked for, then of the one that could have taken its place.</param>
/// <param name="NotKnown">What the asked backend needs and nobody could tell. Does not keep it from being tried.</param>
public sealed record BackendSelection(
    BackendKind Asked,
    BackendKind Chosen,
    string Reason,
    ImmutableArray<Requirement> InTheWay,
    ImmutableArray<Requirement> NotKnown
);
