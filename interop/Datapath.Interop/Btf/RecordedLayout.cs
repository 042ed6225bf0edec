using System.Collections.Immutable;

namespace Datapath.Interop.Btf;

/// <summary>The layouts that generated code was written for, to be held against the object that is about to be loaded.</summary>
/// <param name="Structs">Structs and unions.</param>
/// <param name="Enums">Enums.</param>
/// <param name="Maps">Maps.</param>
public sealed record RecordedLayout(
    ImmutableArray<RecordedStruct> Structs,
    ImmutableArray<RecordedEnum> Enums,
    ImmutableArray<RecordedMap> Maps)
{
    /// <summary>Compares with an object's types.</summary>
    /// <param name="types">Of the object in use.</param>
    /// <exception cref="LayoutMismatchException">Something differs; the message names struct and member.</exception>
    public void Verify(BtfTypes types)
    {
        foreach (RecordedStruct recorded in Structs)
        {
            recorded.Verify(types);
        }

        foreach (RecordedEnum recorded in Enums)
        {
            recorded.Verify(types);
        }

        foreach (RecordedMap recorded in Maps)
        {
            recorded.Verify(types);
        }
    }
}
