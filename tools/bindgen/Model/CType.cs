namespace Datapath.Bindgen.Model;

/// <summary>What a field, a parameter or a value is made of.</summary>
internal abstract record CType
{
    /// <summary>A number, under its C# name.</summary>
    /// <param name="Name">Such as <c>uint</c>.</param>
    /// <param name="SizeBytes">Its size; 0 for void.</param>
    /// <param name="IsBigEndian">In network byte order whatever the machine's is.</param>
    internal sealed record Number(string Name, int SizeBytes, bool IsBigEndian = false) : CType;

    /// <summary>A struct, union or enum that is written out elsewhere.</summary>
    /// <param name="CName">Its name in C; of one without, the name it was given.</param>
    /// <param name="SizeBytes">Its size; 0 when C does not say.</param>
    internal sealed record Named(string CName, int SizeBytes) : CType;

    /// <summary>An array of fixed length; of several dimensions, all in one.</summary>
    /// <param name="Element">Not an array.</param>
    /// <param name="Count">Number of elements.</param>
    internal sealed record Array(CType Element, int Count) : CType;

    /// <summary>A pointer.</summary>
    /// <param name="Target">To what.</param>
    internal sealed record Pointer(CType Target) : CType;

    /// <summary>A pointer to a function.</summary>
    /// <param name="Parameters">What it takes.</param>
    /// <param name="Result">What it gives.</param>
    internal sealed record FunctionPointer(IReadOnlyList<CType> Parameters, CType Result) : CType;

    /// <summary>Nothing.</summary>
    internal static Number Void { get; } = new("void", 0);
}
