namespace Datapath.Interop.Btf;

/// <summary>The kinds of BTF type.</summary>
/// <remarks>Numbers of the BTF_KIND_* names, linux/btf.h.</remarks>
public enum BtfKind
{
    /// <summary>The type of id 0.</summary>
    Void = 0,

    /// <summary>An integer.</summary>
    Integer = 1,

    /// <summary>A pointer.</summary>
    Pointer = 2,

    /// <summary>An array of fixed length.</summary>
    Array = 3,

    /// <summary>A struct.</summary>
    Struct = 4,

    /// <summary>A union.</summary>
    Union = 5,

    /// <summary>An enum of 32 bits or fewer.</summary>
    Enum = 6,

    /// <summary>A struct or union that is only named.</summary>
    Forward = 7,

    /// <summary>Another name for a type.</summary>
    Typedef = 8,

    /// <summary>A volatile type.</summary>
    Volatile = 9,

    /// <summary>A const type.</summary>
    Const = 10,

    /// <summary>A restrict pointer.</summary>
    Restrict = 11,

    /// <summary>A function.</summary>
    Function = 12,

    /// <summary>Parameters and result of a function.</summary>
    FunctionPrototype = 13,

    /// <summary>A global variable.</summary>
    Variable = 14,

    /// <summary>A section of variables.</summary>
    DataSection = 15,

    /// <summary>A floating point number.</summary>
    Float = 16,

    /// <summary>A tag on a declaration.</summary>
    DeclarationTag = 17,

    /// <summary>A tag on a type.</summary>
    TypeTag = 18,

    /// <summary>An enum of 64 bits.</summary>
    Enum64 = 19,
}
