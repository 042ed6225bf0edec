namespace Datapath.Interop.Btf;

/// <summary>A map as it was when its typed name was generated.</summary>
/// <param name="Name">In C.</param>
/// <param name="KeyBytes">Size of its keys; 0 when it has none.</param>
/// <param name="ValueBytes">Size of its values; 0 when it has none.</param>
public sealed record RecordedMap(string Name, int KeyBytes, int ValueBytes)
{
    /// <summary>Records a map.</summary>
    /// <param name="types">The object's.</param>
    /// <param name="name">In C.</param>
    /// <returns>Null when the object has none of that name.</returns>
    public static RecordedMap? Of(BtfTypes types, string name)
    {
        BtfVariable? declared = types.Section(".maps").FirstOrDefault(variable => variable.Name == name);
        return declared is null ? null : new RecordedMap(name, PartBytes(types, declared, "key"), PartBytes(types, declared, "value"));
    }

    /// <summary>Compares with an object's map of the same name.</summary>
    /// <param name="types">Of the object in use.</param>
    /// <exception cref="LayoutMismatchException">The map is missing or differs.</exception>
    internal void Verify(BtfTypes types)
    {
        RecordedMap actual = Of(types, Name) ?? throw new LayoutMismatchException($"the object has no map {Name}");
        if (actual != this)
        {
            throw new LayoutMismatchException(
                $"map {Name} of the object has keys of {actual.KeyBytes} bytes and values of {actual.ValueBytes}, "
                + $"this program was built for {KeyBytes} and {ValueBytes}");
        }
    }

    // __type(key, T) declares a pointer to T.
    private static int PartBytes(BtfTypes types, BtfVariable declared, string part)
    {
        BtfMember? pointer = types.Resolve(declared.TypeId).Members.FirstOrDefault(member => member.Name == part);
        return pointer is null ? 0 : types.SizeOf(types.Resolve(pointer.TypeId).TargetId);
    }
}
