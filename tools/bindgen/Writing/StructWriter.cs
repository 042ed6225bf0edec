using System.Text;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Writing;

/// <summary>Writes structs and unions, every member at the offset that C gave it.</summary>
/// <param name="naming">Names.</param>
/// <param name="types">Types, which collects the arrays.</param>
/// <param name="comparesBytes">Whether values are equal when their bytes are, as the kernel compares keys.</param>
internal sealed class StructWriter(Naming naming, TypeNames types, bool comparesBytes)
{
    private const int BitsPerByte = 8;

    /// <summary>One struct or union.</summary>
    /// <exception cref="BindgenException">A member that C# cannot mirror.</exception>
    internal Block Write(CRecord source)
    {
        var text = new StringBuilder();
        text.Append($"/// <summary>{source.Source}: <c>{source.Keyword} {source.Name}</c>{(source.IsOpaque ? "" : $", {source.SizeBytes} bytes")}.</summary>\n");
        if (source.IsOpaque)
        {
            return new Block($"{source.Keyword} {source.Name}", text.Append($"internal struct {naming.Type(source.Name)};\n").ToString());
        }

        string name = naming.Type(source.Name);
        string modifiers = source.Fields.Any(field => TypeNames.IsUnsafe(field.Type)) ? "internal unsafe" : "internal";
        text.Append($"[StructLayout(LayoutKind.Explicit, Size = {source.SizeBytes})]\n");
        text.Append($"{modifiers} struct {name}{(comparesBytes ? $" : IEquatable<{name}>" : "")}\n{{\n");
        text.Append(string.Join("\n", [.. Storage(source), .. source.Fields.Select(field => Member(field, source)), .. Equality(name)]));
        return new Block($"{source.Keyword} {source.Name}", text.Append("}\n").ToString());
    }

    /// <summary>One fixed array.</summary>
    internal Block Write(string name, CType.Array array) => new(
        $"array {name}",
        $"/// <summary>{array.Count} times <c>{types.Of(array.Element)}</c>, inside whatever holds it.</summary>\n"
        + $"[InlineArray({array.Count})]\ninternal struct {name}\n{{\n    private {types.Of(array.Element)} _first;\n}}\n");

    private string Member(CField field, CRecord owner)
    {
        if (field.WidthBits > 0)
        {
            return BitField(field, owner);
        }

        if (field.OffsetBits % BitsPerByte != 0)
        {
            throw new BindgenException($"{owner.Name}.{field.Name} begins inside a byte and is no bit-field");
        }

        string name = naming.Field(field.Name, TypeNames.IsBigEndian(field.Type));
        return $"    [FieldOffset({field.OffsetBits / BitsPerByte})]\n    {naming.Access} {types.Of(field.Type)} {name};\n";
    }

    // Bit-fields of one unit of storage share a private field of that unit's type.
    private IEnumerable<string> Storage(CRecord source) =>
        source.Fields.Where(field => field.WidthBits > 0)
            .Select(field => Unit(field, source))
            .Distinct()
            .Select(unit => $"    [FieldOffset({unit.OffsetBytes})]\n    private {unit.TypeName} {unit.Name};\n");

    private string BitField(CField field, CRecord owner)
    {
        StorageUnit unit = Unit(field, owner);
        int shift = field.OffsetBits - unit.OffsetBytes * BitsPerByte;
        if (shift + field.WidthBits > unit.SizeBytes * BitsPerByte)
        {
            throw new BindgenException($"the bit-field {owner.Name}.{field.Name} lies across two units of storage");
        }

        string type = types.Of(field.Type);
        string mask = $"0x{ulong.MaxValue >> (64 - field.WidthBits):x}ul";
        bool isSigned = type is "sbyte" or "short" or "int" or "long";
        // All in 64 bits: no operand is ever narrower than a shift. A signed field is moved to the top and back, for its sign.
        string get = isSigned
            ? $"({type})((long)((ulong){unit.Name} << {64 - shift - field.WidthBits}) >> {64 - field.WidthBits})"
            : $"({type})(((ulong){unit.Name} >> {shift}) & {mask})";
        string set = $"{unit.Name} = ({unit.TypeName})(((ulong){unit.Name} & ~({mask} << {shift})) | (((ulong)value & {mask}) << {shift}))";
        int last = field.OffsetBits + field.WidthBits - 1;
        string place = field.WidthBits == 1 ? $"Bit {last}" : $"Bits {field.OffsetBits} to {last}";
        return $"    /// <summary>{place}.</summary>\n"
            + $"    {naming.Access} {type} {naming.Field(field.Name, isBigEndian: false)}\n    {{\n"
            + $"        readonly get => {get};\n        set => {set};\n    }}\n";
    }

    private static StorageUnit Unit(CField field, CRecord owner)
    {
        int size = field.Type switch
        {
            CType.Number number => number.SizeBytes,
            CType.Named named => named.SizeBytes,
            _ => throw new BindgenException($"the bit-field {owner.Name}.{field.Name} is no number"),
        };
        int offset = field.OffsetBits / BitsPerByte / size * size;
        return new StorageUnit($"_bits{offset}Of{size}", offset, size, NumberTypes.Of(size, isSigned: false)!.Name);
    }

    private IEnumerable<string> Equality(string name) => comparesBytes
        ?
        [
            $"    public readonly bool Equals({name} other) => RawBytes.Equal(in this, in other);\n",
            $"    public override readonly bool Equals(object? obj) => obj is {name} other && Equals(other);\n",
            "    public override readonly int GetHashCode() => RawBytes.Hash(in this);\n",
            $"    public static bool operator ==({name} left, {name} right) => left.Equals(right);\n",
            $"    public static bool operator !=({name} left, {name} right) => !left.Equals(right);\n",
        ]
        : [];

    private sealed record StorageUnit(string Name, int OffsetBytes, int SizeBytes, string TypeName);
}
