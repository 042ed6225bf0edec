using System.Collections.Immutable;
using Datapath.Interop.Btf;

namespace Datapath.Backends.Ebpf.OlderFlows;

/// <summary>Takes the members of a struct to where another version of it has them. A member is the same by its name and size.</summary>
internal sealed class StructTransfer
{
    private const int BitsOfByte = 8;

    // Names nothing: padding that may have become something, or the other way round.
    private const string Padding = "reserved";

    private readonly ImmutableArray<(int From, int To, int Bytes)> _moves;
    private readonly ImmutableHashSet<string> _moved;

    /// <summary>Relates the members.</summary>
    /// <param name="from">Where the struct is known from.</param>
    /// <param name="old">The struct as it was.</param>
    /// <param name="to">Where the other version is known from.</param>
    /// <param name="now">The struct as it is.</param>
    public StructTransfer(BtfTypes from, BtfType old, BtfTypes to, BtfType now)
    {
        Dictionary<string, BtfMember> known = from.FlatMembers(old).Where(IsWhole).ToDictionary(member => member.Name);
        BtfMember[] wanted = [.. to.FlatMembers(now).Where(IsWhole)];
        var moves = wanted
            .Where(member => known.TryGetValue(member.Name, out BtfMember? one) && from.SizeOf(one.TypeId) == to.SizeOf(member.TypeId))
            .Select(member => (member.Name, Move: (known[member.Name].OffsetBits / BitsOfByte, member.OffsetBits / BitsOfByte, to.SizeOf(member.TypeId))))
            .ToArray();
        _moves = [.. moves.Select(one => one.Move)];
        _moved = [.. moves.Select(one => one.Name)];
        Bytes = now.SizeBytes;
        IsWholeStruct = wanted.All(member => _moved.Contains(member.Name)) && known.Keys.All(_moved.Contains);
    }

    /// <summary>Size of what comes out.</summary>
    public int Bytes { get; }

    /// <summary>Whether both versions have the same members, wherever they stand.</summary>
    public bool IsWholeStruct { get; }

    /// <summary>Whether all of these are in both versions.</summary>
    public bool Has(IEnumerable<string> members) => members.All(_moved.Contains);

    /// <summary>Moves one.</summary>
    /// <param name="from">The old struct.</param>
    /// <param name="to">Receives the new one; members that were not known are zero.</param>
    public void Move(ReadOnlySpan<byte> from, Span<byte> to)
    {
        to.Clear();
        foreach ((int first, int target, int bytes) in _moves)
        {
            from.Slice(first, bytes).CopyTo(to[target..]);
        }
    }

    private static bool IsWhole(BtfMember member) => member.WidthBits == 0 && member.Name != Padding;
}
