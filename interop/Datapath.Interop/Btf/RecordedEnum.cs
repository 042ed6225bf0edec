using System.Collections.Immutable;

namespace Datapath.Interop.Btf;

/// <summary>An enum as it was when the C# mirror of it was generated.</summary>
/// <param name="Name">In C.</param>
/// <param name="Values">Its named values in order of declaration.</param>
public sealed record RecordedEnum(string Name, ImmutableArray<BtfEnumerator> Values)
{
    /// <summary>Records an enum.</summary>
    /// <param name="types">The object's.</param>
    /// <param name="name">In C.</param>
    /// <returns>Null when the object has none of that name.</returns>
    public static RecordedEnum? Of(BtfTypes types, string name)
    {
        BtfType? type = types.Find(BtfKind.Enum, name) ?? types.Find(BtfKind.Enum64, name);
        return type is null ? null : new RecordedEnum(name, type.Enumerators);
    }

    /// <summary>Compares with an object's enum of the same name.</summary>
    /// <param name="types">Of the object in use.</param>
    /// <exception cref="LayoutMismatchException">The enum is missing or differs.</exception>
    internal void Verify(BtfTypes types)
    {
        RecordedEnum actual = Of(types, Name) ?? throw new LayoutMismatchException($"the object does not know enum {Name}");
        if (Values.Except(actual.Values).FirstOrDefault() is { } gone)
        {
            throw new LayoutMismatchException($"enum {Name} of the object does not have {gone.Name} = {gone.Value}");
        }

        if (actual.Values.Except(Values).FirstOrDefault() is { } added)
        {
            throw new LayoutMismatchException($"enum {Name} of the object also has {added.Name} = {added.Value}");
        }
    }
}
