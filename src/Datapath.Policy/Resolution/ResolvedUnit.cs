using System.Collections.Immutable;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Resolution;

/// <summary>A processing unit with everything that selectors can see.</summary>
public sealed record ResolvedUnit
{
    /// <summary>Where it is written; the inventory for a host that nobody wrote.</summary>
    public required SourceSpan At { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Absolute path of its namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>Where its packets are seen on this host.</summary>
    public required Attachment Attach { get; init; }

    /// <summary>Its tags, each once, sorted.</summary>
    public required ImmutableArray<string> Tags { get; init; }

    /// <summary>Its addresses, each once, sorted.</summary>
    public required ImmutableArray<UnitAddress> Addresses { get; init; }

    /// <summary>The rulesets that apply to it: indexes into <see cref="ResolvedPolicy.Rulesets"/>, ascending.</summary>
    public required ImmutableArray<int> Rulesets { get; init; }

    /// <summary>The enforcer profile exempts it: known as a peer, never judged.</summary>
    public required bool IsIgnored { get; init; }

    /// <summary>Whether this is the host itself.</summary>
    public bool IsHost => Attach.Kind == AttachmentKind.Host;

    /// <summary>Whether this host judges its packets.</summary>
    public bool IsJudged => Attach.Kind != AttachmentKind.None && !IsIgnored;
}

/// <summary>An address of a processing unit.</summary>
/// <param name="Key">The address.</param>
/// <param name="IsManaged">
/// Whether identity decides alone: then an external network's Allow does not stand in for the unit's tags. False outside the profile's target networks.
/// </param>
public readonly record struct UnitAddress(AddressKey Key, bool IsManaged);
