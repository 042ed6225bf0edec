using System.Collections.Immutable;

namespace Datapath.Interop.Btf;

/// <summary>A struct or union as it was when the C# mirror of it was generated.</summary>
/// <param name="Name">In C.</param>
/// <param name="SizeBytes">Its size.</param>
/// <param name="Members">Its members and, with a dot, those of members whose type has no name that could be compared by itself.</param>
public sealed record RecordedStruct(string Name, int SizeBytes, ImmutableArray<RecordedMember> Members)
{
    /// <summary>Records a struct or union.</summary>
    /// <param name="types">The object's.</param>
    /// <param name="name">In C.</param>
    /// <returns>Null when the object has none of that name.</returns>
    public static RecordedStruct? Of(BtfTypes types, string name)
    {
        BtfType? type = types.Find(BtfKind.Struct, name) ?? types.Find(BtfKind.Union, name);
        return type is null ? null : new RecordedStruct(name, type.SizeBytes, [.. Record(types, type, "", 0)]);
    }

    /// <summary>Compares with an object's struct of the same name.</summary>
    /// <param name="types">Of the object in use.</param>
    /// <exception cref="LayoutMismatchException">The struct is missing or differs.</exception>
    internal void Verify(BtfTypes types)
    {
        RecordedStruct actual = Of(types, Name) ?? throw new LayoutMismatchException($"the object does not know struct {Name}");
        foreach (RecordedMember expected in Members)
        {
            RecordedMember? found = actual.Members.FirstOrDefault(member => member.Name == expected.Name);
            if (found != expected)
            {
                throw Mismatch(found is null ? $"no member {expected.Name}" : found.ToString(), expected.ToString());
            }
        }

        if (actual.Members.Except(Members).FirstOrDefault() is { } added)
        {
            throw Mismatch(added.ToString(), $"no member {added.Name}");
        }

        if (actual.SizeBytes != SizeBytes)
        {
            throw Mismatch($"{actual.SizeBytes} bytes", $"{SizeBytes}");
        }
    }

    private static IEnumerable<RecordedMember> Record(BtfTypes types, BtfType type, string path, int startBits)
    {
        foreach (BtfMember member in types.FlatMembers(type))
        {
            string name = path + member.Name;
            int offset = startBits + member.OffsetBits;
            yield return new RecordedMember(name, offset, member.WidthBits, types.SizeOf(member.TypeId));
            BtfType element = types.Element(member.TypeId);
            if (element is { Kind: BtfKind.Struct or BtfKind.Union, Name: "" })
            {
                foreach (RecordedMember inner in Record(types, element, name + ".", offset))
                {
                    yield return inner;
                }
            }
        }
    }

    private LayoutMismatchException Mismatch(string actual, string expected) =>
        new($"struct {Name} of the object has {actual}, this program was built for {expected}");
}
