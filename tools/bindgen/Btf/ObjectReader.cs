using Datapath.Bindgen.Model;
using Datapath.Interop.Btf;

namespace Datapath.Bindgen.Btf;

/// <summary>Reads the maps of a BPF object and every type that they, or a chosen list of types, speak of.</summary>
internal sealed class ObjectReader
{
    private readonly BtfTypes _types;
    private readonly string _source;
    private readonly SortedDictionary<string, CRecord> _records = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, CEnum> _enums = new(StringComparer.Ordinal);

    /// <summary>Reads the whole object.</summary>
    /// <param name="types">Its types.</param>
    /// <param name="source">What the generated file names as their origin.</param>
    /// <param name="listName">A union whose members are types that no map speaks of; it is not written itself.</param>
    /// <exception cref="BindgenException">A type that C# cannot mirror.</exception>
    internal ObjectReader(BtfTypes types, string source, string listName)
    {
        _types = types;
        _source = source;
        Maps = [.. types.Section(".maps").Select(Map).OrderBy(map => map.Name, StringComparer.Ordinal)];
        foreach (BtfMember member in types.Find(BtfKind.Union, listName)?.Members ?? [])
        {
            Type(member.TypeId, member.Name);
        }
    }

    /// <summary>The maps, by name.</summary>
    internal IReadOnlyList<CMap> Maps { get; }

    /// <summary>Structs and unions, by name.</summary>
    internal IReadOnlyCollection<CRecord> Records => _records.Values;

    /// <summary>Enums, by name.</summary>
    internal IReadOnlyCollection<CEnum> Enums => _enums.Values;

    private CMap Map(BtfVariable variable)
    {
        BtfType declaration = _types.Resolve(variable.TypeId);
        return new CMap(variable.Name, Part("key"), Part("value"));

        // __type(key, T) declares a pointer to T.
        CType? Part(string name) =>
            declaration.Members.FirstOrDefault(member => member.Name == name) is { } member
                ? Type(_types.Resolve(member.TypeId).TargetId, $"{variable.Name}_{name}")
                : null;
    }

    private CType Type(int id, string owner, bool isBigEndian = false)
    {
        BtfType type = _types[id];
        switch (type.Kind)
        {
            case BtfKind.Typedef:
                // __be16, __be32 and __be64 of linux/types.h: the only place where C says in which order the bytes are.
                return Type(type.TargetId, owner, isBigEndian || type.Name.StartsWith("__be", StringComparison.Ordinal));
            case BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag:
                return Type(type.TargetId, owner, isBigEndian);
            case BtfKind.Integer:
                return Number(type, owner, isBigEndian);
            case BtfKind.Array:
                CType element = Type(type.TargetId, owner, isBigEndian);
                return element is CType.Array inner
                    ? new CType.Array(inner.Element, inner.Count * type.ElementCount)
                    : new CType.Array(element, type.ElementCount);
            case BtfKind.Struct or BtfKind.Union:
                return Record(type, type.Name.Length > 0 ? type.Name : owner);
            case BtfKind.Enum or BtfKind.Enum64:
                return Enum(type, type.Name.Length > 0 ? type.Name : owner);
            default:
                throw new BindgenException($"{owner} is of kind {type.Kind}, which has no place in a map or an event");
        }
    }

    private static CType.Number Number(BtfType type, string owner, bool isBigEndian)
    {
        // Plain char is text, bool a byte.
        bool isSigned = type.IsSigned && type.Name != "char" && !type.IsBoolean;
        return NumberTypes.Of(type.SizeBytes, isSigned, isBigEndian)
            ?? throw new BindgenException($"{owner} is a number of {type.SizeBytes} bytes, which C# does not have");
    }

    private CType.Named Record(BtfType type, string name)
    {
        if (_records.TryAdd(name, new CRecord("", name, _source, 0, [])))
        {
            _records[name] = new CRecord(
                type.Kind == BtfKind.Union ? "union" : "struct",
                name,
                _source,
                type.SizeBytes,
                [.. _types.FlatMembers(type).Select(member =>
                    new CField(member.Name, Type(member.TypeId, $"{name}_{member.Name}"), member.OffsetBits, member.WidthBits))]);
        }

        return new CType.Named(name, type.SizeBytes);
    }

    private CType.Named Enum(BtfType type, string name)
    {
        // Before clang 15, BTF does not say whether 0xffffffff of an enum is -1: the generated file would depend on the compiler.
        if (type.Enumerators.FirstOrDefault(enumerator => enumerator.Value is < 0 or > int.MaxValue) is { } doubtful)
        {
            throw new BindgenException($"{doubtful.Name} of enum {name} has its top bit set, and BTF may not know its sign: make it a macro");
        }

        _enums.TryAdd(name, new CEnum(
            name,
            _source,
            type.IsSigned,
            type.SizeBytes,
            [.. type.Enumerators.Select(enumerator => new CConstant(enumerator.Name, enumerator.Value))]));
        return new CType.Named(name, type.SizeBytes);
    }
}
