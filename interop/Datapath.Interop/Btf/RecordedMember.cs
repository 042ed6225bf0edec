namespace Datapath.Interop.Btf;

/// <summary>A member as it was when the C# mirror of its struct was generated.</summary>
/// <param name="Name">In C.</param>
/// <param name="OffsetBits">From the start of the struct.</param>
/// <param name="WidthBits">Of a bit-field; 0 for other members.</param>
/// <param name="SizeBytes">Of its declared type.</param>
public sealed record RecordedMember(string Name, int OffsetBits, int WidthBits, int SizeBytes)
{
    /// <inheritdoc/>
    public override string ToString() =>
        WidthBits > 0
            ? $"{Name} of {WidthBits} bits at bit {OffsetBits}"
            : $"{Name} of {SizeBytes} bytes at byte {OffsetBits / 8}";
}
