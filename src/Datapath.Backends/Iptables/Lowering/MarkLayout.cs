using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>Which bits of the packet mark a policy uses: one for the judge, one for answers, the next ones for the class of the peer's address.</summary>
internal sealed record MarkLayout
{
    // Before the numbers of classes.
    private const int Flags = 2;

    private readonly int _shift;

    /// <summary>As few bits of the mask as will do: what is not used stays with whoever marks packets besides us.</summary>
    /// <param name="mask">The bits that are ours, one run.</param>
    /// <param name="classes">How many classes there are.</param>
    /// <exception cref="PolicyTooLargeException">More than the mask has numbers for.</exception>
    public MarkLayout(uint mask, int classes)
    {
        _shift = BitOperations.TrailingZeroCount(mask) + Flags;
        ClassBits = classes <= 1 ? 0 : BitOperations.Log2((uint)(classes - 1)) + 1;
        int available = BitOperations.PopCount(mask) - Flags;
        if (ClassBits > available)
        {
            throw new PolicyTooLargeException("peer classes in the packet mark", classes, 1L << available, "numbers");
        }

        PodBit = PodBitOf(mask);
        AnswerBit = PodBit << 1;
        ClassMask = ((1u << ClassBits) - 1) << _shift;
    }

    /// <summary>How many bits number the classes.</summary>
    public int ClassBits { get; }

    /// <summary>Set while a unit judges that is not the host.</summary>
    public uint PodBit { get; }

    /// <summary>Set on a packet that its own direction denies and that answers a connection, until the opener's rule is found.</summary>
    public uint AnswerBit { get; }

    /// <summary>The bits that number the classes.</summary>
    public uint ClassMask { get; }

    /// <summary>All bits that the policy uses.</summary>
    public uint Used => PodBit | AnswerBit | ClassMask;

    /// <summary>The mark of a class.</summary>
    /// <param name="id">Its number.</param>
    public uint MarkOf(int id) => (uint)id << _shift;

    /// <summary>
    /// Says of which class the peer is and who judges, whatever the packet's mark said before. The set has every address, and each of its
    /// entries writes all bits; the host, which sees most packets, has nothing to add.
    /// </summary>
    /// <param name="isHost">Whether the host judges.</param>
    /// <param name="classified">Look-up of the class; empty where all are one.</param>
    public ImmutableArray<ChainRule> Begin(bool isHost, ImmutableArray<ChainRule> classified) =>
        (isHost, classified.IsEmpty) switch
        {
            (_, true) => [Write(isHost ? 0 : PodBit, Used)],
            (true, false) => classified,
            (false, false) => [.. classified, Write(PodBit, PodBit)],
        };

    /// <summary>Leaves the mark to others: the last rule of whatever lets a packet pass this judge.</summary>
    /// <param name="matches">What it is counted by.</param>
    public ChainRule End(string matches = "") => Write(0, Used, matches);

    /// <summary>Says that the packet is an answer.</summary>
    public ChainRule MarkAnswer() => Write(AnswerBit, AnswerBit);

    /// <summary>Matches answers.</summary>
    public string MatchAnswer() => $"-m mark --mark {Hexadecimal(AnswerBit)}/{Hexadecimal(AnswerBit)} ";

    /// <summary>Matches the classes whose number has given bits.</summary>
    /// <param name="id">The bits.</param>
    /// <param name="bits">Which bits of the number count.</param>
    public string Match(int id, int bits) => $"-m mark --mark {Hexadecimal(MarkOf(id))}/{Hexadecimal(MarkOf(bits))} ";

    /// <summary>The bit that is set while a unit judges that is not the host, whatever the policy.</summary>
    /// <param name="mask">The bits that are ours.</param>
    public static uint PodBitOf(uint mask) => 1u << BitOperations.TrailingZeroCount(mask);

    private static ChainRule Write(uint value, uint bits, string matches = "") => new(matches, $"-j MARK --set-xmark {Hexadecimal(value)}/{Hexadecimal(bits)}");

    /// <summary>As the programs write it.</summary>
    public static string Hexadecimal(uint value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);
}
