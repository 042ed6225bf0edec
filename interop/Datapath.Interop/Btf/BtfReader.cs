using System.Buffers.Binary;
using System.Collections.Immutable;

namespace Datapath.Interop.Btf;

/// <summary>Reads the bytes of a <c>.BTF</c> section.</summary>
/// <remarks>The format: Documentation/bpf/btf.rst of the kernel. Little endian only, as are the machines we run on.</remarks>
public ref struct BtfReader
{
    private const ushort Magic = 0xeb9f;
    private const int MinimumHeaderBytes = 24;
    private const uint SignedInteger = 1;
    private const uint BooleanInteger = 4;

    private readonly ReadOnlySpan<byte> _strings;
    private ReadOnlySpan<byte> _rest;

    private BtfReader(ReadOnlySpan<byte> types, ReadOnlySpan<byte> strings)
    {
        _rest = types;
        _strings = strings;
    }

    /// <summary>Reads all types.</summary>
    /// <param name="section">The whole section; empty gives no types.</param>
    /// <exception cref="InvalidDataException">Not BTF, or cut short.</exception>
    public static BtfTypes Read(ReadOnlySpan<byte> section)
    {
        if (section.IsEmpty)
        {
            return new BtfTypes([]);
        }

        var header = new BtfReader(section, default);
        if (header.TakeUInt16() != Magic)
        {
            throw new InvalidDataException("not BTF, or not little endian");
        }

        header.TakeUInt16();
        uint headerBytes = header.TakeUInt32();
        uint typesAt = header.TakeUInt32();
        uint typesBytes = header.TakeUInt32();
        uint stringsAt = header.TakeUInt32();
        uint stringsBytes = header.TakeUInt32();
        if (headerBytes < MinimumHeaderBytes)
        {
            throw new InvalidDataException($"BTF header of {headerBytes} bytes");
        }

        var reader = new BtfReader(
            Slice(section, (ulong)headerBytes + typesAt, typesBytes),
            Slice(section, (ulong)headerBytes + stringsAt, stringsBytes));
        return new BtfTypes(reader.ReadTypes());
    }

    private ImmutableArray<BtfType> ReadTypes()
    {
        ImmutableArray<BtfType>.Builder types = ImmutableArray.CreateBuilder<BtfType>();
        types.Add(new BtfType { Id = 0, Kind = BtfKind.Void, Name = "" });
        while (!_rest.IsEmpty)
        {
            types.Add(ReadType(types.Count));
        }

        // A section names its variables by type id only; they may come later in the file.
        return [.. types.Select(type => WithVariableNames(type, types))];
    }

    private BtfType ReadType(int id)
    {
        string name = Text(TakeUInt32());
        uint word = TakeUInt32();
        int count = (int)(word & 0xffff);
        var kind = (BtfKind)(word >> 24 & 0x1f);
        bool flag = word >> 31 != 0;
        int sizeOrTarget = (int)TakeUInt32();
        var type = new BtfType { Id = id, Kind = kind, Name = name };
        switch (kind)
        {
            case BtfKind.Integer:
                uint encoding = TakeUInt32() >> 24 & 0xf;
                return type with
                {
                    SizeBytes = sizeOrTarget,
                    IsSigned = (encoding & SignedInteger) != 0,
                    IsBoolean = (encoding & BooleanInteger) != 0,
                };
            case BtfKind.Array:
                int element = (int)TakeUInt32();
                TakeUInt32();
                return type with { TargetId = element, ElementCount = (int)TakeUInt32() };
            case BtfKind.Struct or BtfKind.Union:
                return type with { SizeBytes = sizeOrTarget, Members = TakeMembers(count, flag) };
            case BtfKind.Enum or BtfKind.Enum64:
                return type with
                {
                    SizeBytes = sizeOrTarget,
                    IsSigned = flag,
                    Enumerators = TakeEnumerators(count, kind, flag),
                };
            case BtfKind.DataSection:
                return type with { SizeBytes = sizeOrTarget, Variables = TakeVariables(count) };
            case BtfKind.Float:
                return type with { SizeBytes = sizeOrTarget };
            default:
                SkipTail(kind, count);
                return type with { TargetId = sizeOrTarget };
        }
    }

    private void SkipTail(BtfKind kind, int count)
    {
        int words = kind switch
        {
            BtfKind.Pointer or BtfKind.Forward or BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const => 0,
            BtfKind.Restrict or BtfKind.Function or BtfKind.TypeTag => 0,
            BtfKind.Variable or BtfKind.DeclarationTag => 1,
            BtfKind.FunctionPrototype => 2 * count,
            _ => throw new InvalidDataException($"BTF kind {(int)kind} is not known"),
        };
        Take(words * sizeof(uint));
    }

    private ImmutableArray<BtfMember> TakeMembers(int count, bool hasWidths)
    {
        ImmutableArray<BtfMember>.Builder members = ImmutableArray.CreateBuilder<BtfMember>(count);
        for (int i = 0; i < count; i++)
        {
            string name = Text(TakeUInt32());
            int typeId = (int)TakeUInt32();
            uint offset = TakeUInt32();
            // With the kind flag the top 8 bits are the width of a bit-field.
            members.Add(hasWidths
                ? new BtfMember(name, typeId, (int)(offset & 0xffffff), (int)(offset >> 24))
                : new BtfMember(name, typeId, (int)offset, 0));
        }

        return members.MoveToImmutable();
    }

    private ImmutableArray<BtfEnumerator> TakeEnumerators(int count, BtfKind kind, bool isSigned)
    {
        ImmutableArray<BtfEnumerator>.Builder values = ImmutableArray.CreateBuilder<BtfEnumerator>(count);
        for (int i = 0; i < count; i++)
        {
            string name = Text(TakeUInt32());
            uint low = TakeUInt32();
            long value = kind == BtfKind.Enum64 ? (long)((ulong)TakeUInt32() << 32 | low) : isSigned ? (int)low : low;
            values.Add(new BtfEnumerator(name, value));
        }

        return values.MoveToImmutable();
    }

    private ImmutableArray<BtfVariable> TakeVariables(int count)
    {
        ImmutableArray<BtfVariable>.Builder variables = ImmutableArray.CreateBuilder<BtfVariable>(count);
        for (int i = 0; i < count; i++)
        {
            int typeId = (int)TakeUInt32();
            int offset = (int)TakeUInt32();
            variables.Add(new BtfVariable("", typeId, offset, (int)TakeUInt32()));
        }

        return variables.MoveToImmutable();
    }

    private static BtfType WithVariableNames(BtfType type, ImmutableArray<BtfType>.Builder all)
    {
        if (type.Variables.IsEmpty)
        {
            return type;
        }

        return type with { Variables = [.. type.Variables.Select(variable => Named(variable, all))] };
    }

    private static BtfVariable Named(BtfVariable placed, ImmutableArray<BtfType>.Builder all)
    {
        if (placed.TypeId <= 0 || placed.TypeId >= all.Count)
        {
            throw new InvalidDataException($"BTF section names type {placed.TypeId} of {all.Count}");
        }

        BtfType variable = all[placed.TypeId];
        return placed with { Name = variable.Name, TypeId = variable.TargetId };
    }

    private readonly string Text(uint offset)
    {
        if (offset >= _strings.Length)
        {
            throw new InvalidDataException($"BTF name at {offset} of {_strings.Length} bytes");
        }

        return Utf8Text.FromField(_strings[(int)offset..]);
    }

    private ushort TakeUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    private uint TakeUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    private ReadOnlySpan<byte> Take(int bytes)
    {
        if (_rest.Length < bytes)
        {
            throw new InvalidDataException("BTF ends inside a type");
        }

        ReadOnlySpan<byte> taken = _rest[..bytes];
        _rest = _rest[bytes..];
        return taken;
    }

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> section, ulong start, uint length) =>
        start + length <= (ulong)section.Length
            ? section.Slice((int)start, (int)length)
            : throw new InvalidDataException("BTF is cut short");
}
