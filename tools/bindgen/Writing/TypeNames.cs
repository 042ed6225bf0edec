using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Writing;

/// <summary>Types as C# writes them, and the fixed arrays met on the way.</summary>
internal sealed class TypeNames(Naming naming)
{
    private readonly SortedDictionary<string, CType.Array> _arrays = new(StringComparer.Ordinal);

    /// <summary>The fixed arrays that were named so far, by their C# name.</summary>
    internal IReadOnlyDictionary<string, CType.Array> Arrays => _arrays;

    /// <summary>A type as C# writes it.</summary>
    /// <exception cref="BindgenException">An array of pointers, which C# cannot hold inline.</exception>
    internal string Of(CType type)
    {
        switch (type)
        {
            case CType.Number number:
                return number.Name;
            case CType.Named named:
                return naming.Type(named.CName);
            case CType.Pointer pointer:
                return Of(pointer.Target) + "*";
            case CType.FunctionPointer function:
                return $"delegate* unmanaged[Cdecl]<{string.Join(", ", function.Parameters.Append(function.Result).Select(Of))}>";
            case CType.Array { Element: CType.Number or CType.Named } array:
                string element = Of(array.Element);
                string name = $"{char.ToUpperInvariant(element[0])}{element[1..]}Array{array.Count}";
                _arrays.TryAdd(name, array);
                return name;
            default:
                throw new BindgenException($"an array of {type} cannot be held inside a struct of C#");
        }
    }

    /// <summary>Whether a type, or the elements of an array, are in network byte order.</summary>
    internal static bool IsBigEndian(CType type) => type switch
    {
        CType.Number number => number.IsBigEndian,
        CType.Array array => IsBigEndian(array.Element),
        _ => false,
    };

    /// <summary>Whether writing a type takes an unsafe context.</summary>
    internal static bool IsUnsafe(CType type) => type is CType.Pointer or CType.FunctionPointer;
}
