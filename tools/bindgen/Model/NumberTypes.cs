using Datapath.Bindgen.Clang;

namespace Datapath.Bindgen.Model;

/// <summary>C's numbers in C#, on 64-bit Linux.</summary>
internal static class NumberTypes
{
    private static readonly Dictionary<(int SizeBytes, bool IsSigned), string> Names = new()
    {
        [(1, false)] = "byte",
        [(1, true)] = "sbyte",
        [(2, false)] = "ushort",
        [(2, true)] = "short",
        [(4, false)] = "uint",
        [(4, true)] = "int",
        [(8, false)] = "ulong",
        [(8, true)] = "long",
    };

    /// <summary>A number by its size and sign, or null when C# has no such number.</summary>
    internal static CType.Number? Of(int sizeBytes, bool isSigned, bool isBigEndian = false) =>
        Names.TryGetValue((sizeBytes, isSigned), out string? name) ? new CType.Number(name, sizeBytes, isBigEndian) : null;

    /// <summary>A number by clang's kind, or null when it is none. <c>char</c> is text and <c>bool</c> a byte; <c>long</c> is as wide as a pointer.</summary>
    internal static CType.Number? FromClang(TypeKind kind) => kind switch
    {
        TypeKind.Void => CType.Void,
        TypeKind.Bool or TypeKind.CharUnsigned or TypeKind.CharSigned or TypeKind.UnsignedChar => Of(1, isSigned: false),
        TypeKind.SignedChar => Of(1, isSigned: true),
        TypeKind.Short => Of(2, isSigned: true),
        TypeKind.UnsignedShort => Of(2, isSigned: false),
        TypeKind.Int => Of(4, isSigned: true),
        TypeKind.UnsignedInt => Of(4, isSigned: false),
        TypeKind.Long => new CType.Number("nint", 8),
        TypeKind.UnsignedLong => new CType.Number("nuint", 8),
        TypeKind.LongLong => Of(8, isSigned: true),
        TypeKind.UnsignedLongLong => Of(8, isSigned: false),
        _ => null,
    };
}
