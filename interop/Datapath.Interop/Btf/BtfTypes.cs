using System.Collections.Immutable;

namespace Datapath.Interop.Btf;

/// <summary>All types of an object.</summary>
public sealed class BtfTypes
{
    // Deeper than any type we write; a cycle of typedefs in a broken file ends here.
    private const int MaximumDepth = 32;

    private readonly ImmutableArray<BtfType> _types;

    /// <summary>Takes types in the order of their ids, void first.</summary>
    /// <param name="types">As read.</param>
    internal BtfTypes(ImmutableArray<BtfType> types) => _types = types;

    /// <summary>Every type, in order of id, void first.</summary>
    public ImmutableArray<BtfType> All => _types;

    /// <summary>A type by its id.</summary>
    /// <param name="id">From 0.</param>
    /// <exception cref="InvalidDataException">No such type.</exception>
    public BtfType this[int id] =>
        id >= 0 && id < _types.Length ? _types[id] : throw new InvalidDataException($"BTF has no type {id}");

    /// <summary>A type by kind and name, or null.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="name">Its name.</param>
    public BtfType? Find(BtfKind kind, string name) => _types.FirstOrDefault(type => type.Kind == kind && type.Name == name);

    /// <summary>The variables of a section; none when there is no such section.</summary>
    /// <param name="name">Such as <c>.rodata</c> or <c>.maps</c>.</param>
    public ImmutableArray<BtfVariable> Section(string name) => Find(BtfKind.DataSection, name)?.Variables ?? [];

    /// <summary>The type behind names and qualifiers.</summary>
    /// <param name="id">Any type.</param>
    /// <exception cref="InvalidDataException">The names go round in a circle.</exception>
    public BtfType Resolve(int id)
    {
        for (int depth = 0; depth < MaximumDepth; depth++)
        {
            BtfType type = this[id];
            if (!IsName(type.Kind))
            {
                return type;
            }

            id = type.TargetId;
        }

        throw new InvalidDataException($"BTF type {id} is a name of itself");
    }

    /// <summary>The type behind names, qualifiers and arrays: what one element is.</summary>
    /// <param name="id">Any type.</param>
    /// <exception cref="InvalidDataException">The names go round in a circle.</exception>
    public BtfType Element(int id)
    {
        BtfType type = Resolve(id);
        for (int depth = 0; type.Kind == BtfKind.Array && depth < MaximumDepth; depth++)
        {
            type = Resolve(type.TargetId);
        }

        return type;
    }

    /// <summary>
    /// The members of a struct or union as C lets them be named: those of unnamed structs and unions inside count as its own, with offsets
    /// from its own start; bit-fields without a name are left out.
    /// </summary>
    /// <param name="type">A struct or union.</param>
    /// <exception cref="InvalidDataException">A struct inside itself.</exception>
    public ImmutableArray<BtfMember> FlatMembers(BtfType type)
    {
        ImmutableArray<BtfMember>.Builder flat = ImmutableArray.CreateBuilder<BtfMember>();
        AddMembers(type, 0, 0, flat);
        return flat.ToImmutable();
    }

    /// <summary>Size in memory.</summary>
    /// <param name="id">Any type that has a size; pointers of BPF have 8 bytes.</param>
    /// <exception cref="InvalidDataException">Void, a function, or an array of itself.</exception>
    public int SizeOf(int id)
    {
        int elements = 1;
        for (int depth = 0; depth < MaximumDepth; depth++)
        {
            BtfType type = Resolve(id);
            switch (type.Kind)
            {
                case BtfKind.Array:
                    elements = checked(elements * type.ElementCount);
                    id = type.TargetId;
                    break;
                case BtfKind.Pointer:
                    return checked(elements * 8);
                case BtfKind.Integer or BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Float:
                    return checked(elements * type.SizeBytes);
                default:
                    throw new InvalidDataException($"BTF type {id} ({type.Kind}) has no size");
            }
        }

        throw new InvalidDataException($"BTF type {id} is an array of itself");
    }

    private void AddMembers(BtfType type, int offsetBits, int depth, ImmutableArray<BtfMember>.Builder flat)
    {
        if (depth == MaximumDepth)
        {
            throw new InvalidDataException($"BTF type {type.Id} is a struct inside itself");
        }

        foreach (BtfMember member in type.Members)
        {
            if (member.Name.Length > 0)
            {
                flat.Add(member with { OffsetBits = offsetBits + member.OffsetBits });
            }
            else if (Resolve(member.TypeId) is { Kind: BtfKind.Struct or BtfKind.Union } inner)
            {
                AddMembers(inner, offsetBits + member.OffsetBits, depth + 1, flat);
            }
        }
    }

    private static bool IsName(BtfKind kind) =>
        kind is BtfKind.Typedef or BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag;
}
