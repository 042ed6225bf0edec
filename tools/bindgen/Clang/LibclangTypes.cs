// The structs of clang-c/Index.h that cross by value. What is inside is clang's; only the kinds are ours to read.
namespace Datapath.Bindgen.Clang;

/// <summary>A node of the syntax tree.</summary>
internal unsafe struct CXCursor
{
    internal CursorKind Kind;
    internal int ExtraData;
    internal void* Data0;
    internal void* Data1;
    internal void* Data2;
}

/// <summary>A type.</summary>
internal unsafe struct CXType
{
    internal TypeKind Kind;
    internal void* Data0;
    internal void* Data1;
}

/// <summary>A string that clang owns until it is disposed.</summary>
internal unsafe struct CXString
{
    internal void* Data;
    internal uint Flags;
}

/// <summary>A place in a file.</summary>
internal unsafe struct CXSourceLocation
{
    internal void* Data0;
    internal void* Data1;
    internal uint Number;
}

/// <summary>From one place to another.</summary>
internal unsafe struct CXSourceRange
{
    internal void* Data0;
    internal void* Data1;
    internal uint Begin;
    internal uint End;
}

/// <summary>A word of a source file.</summary>
internal unsafe struct CXToken
{
    internal uint Data0;
    internal uint Data1;
    internal uint Data2;
    internal uint Data3;
    internal void* Data;
}

/// <summary>A file that exists only in memory.</summary>
internal unsafe struct CXUnsavedFile
{
    internal byte* Name;
    internal byte* Contents;
    internal nuint Length;
}

/// <summary>CXCursor_* that we look at.</summary>
internal enum CursorKind
{
    Struct = 2,
    Union = 3,
    Enum = 5,
    Field = 6,
    EnumConstant = 7,
    Function = 8,
    Parameter = 10,
    Macro = 501,
}

/// <summary>CXType_* that we look at.</summary>
internal enum TypeKind
{
    Invalid = 0,
    Void = 2,
    Bool = 3,
    CharUnsigned = 4,
    UnsignedChar = 5,
    UnsignedShort = 8,
    UnsignedInt = 9,
    UnsignedLong = 10,
    UnsignedLongLong = 11,
    CharSigned = 13,
    SignedChar = 14,
    Short = 16,
    Int = 17,
    Long = 18,
    LongLong = 19,
    Pointer = 101,
    Record = 105,
    Enum = 106,
    Typedef = 107,
    FunctionNoPrototype = 110,
    FunctionPrototype = 111,
    ConstantArray = 112,
    IncompleteArray = 114,
    Elaborated = 119,
}
