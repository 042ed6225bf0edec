using System.Collections.Immutable;
using System.Net;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Rulesets;

/// <summary>A processing unit as written: our form of what the console would know (specification a.7, extension <c>attach</c> and <c>addresses</c>).</summary>
public sealed record ProcessingUnit : WrittenObject
{
    /// <summary>Where its packets are seen on this host; <see cref="AttachmentKind.None"/> for a unit of another host.</summary>
    public Attachment Attach { get; init; } = new(AttachmentKind.None, "");

    /// <summary>Its addresses, both families; each belongs to one unit only.</summary>
    public ImmutableArray<IPAddress> Addresses { get; init; } = [];

    /// <summary>Softly deleted: as if it were not there.</summary>
    public bool Archived { get; init; }
}
