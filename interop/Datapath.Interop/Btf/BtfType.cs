using System.Collections.Immutable;

namespace Datapath.Interop.Btf;

/// <summary>One type of an object's BTF. What a kind does not have is empty or 0.</summary>
public sealed record BtfType
{
    /// <summary>The type's number, from 1; 0 is void.</summary>
    public required int Id { get; init; }

    /// <summary>The kind.</summary>
    public required BtfKind Kind { get; init; }

    /// <summary>The name; empty for types without one.</summary>
    public required string Name { get; init; }

    /// <summary>Size of integers, enums, structs, unions and sections.</summary>
    public int SizeBytes { get; init; }

    /// <summary>What pointers, typedefs, qualifiers, variables and functions refer to; the element of arrays.</summary>
    public int TargetId { get; init; }

    /// <summary>Number of elements of an array.</summary>
    public int ElementCount { get; init; }

    /// <summary>Whether an integer or enum is signed.</summary>
    public bool IsSigned { get; init; }

    /// <summary>Whether an integer is a bool.</summary>
    public bool IsBoolean { get; init; }

    /// <summary>Members of structs and unions, in order of declaration.</summary>
    public ImmutableArray<BtfMember> Members { get; init; } = [];

    /// <summary>Named values of enums, in order of declaration.</summary>
    public ImmutableArray<BtfEnumerator> Enumerators { get; init; } = [];

    /// <summary>Variables of a section.</summary>
    public ImmutableArray<BtfVariable> Variables { get; init; } = [];
}
