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

        HostBit = HostBitOf(mask);
        AnswerBit = HostBit << 1;
        ClassMask = ((1u << ClassBits) - 1) << _shift;
    }

    /// <summary>How many bits number the classes.</summary>
    public int ClassBits { get; }

    /// <summary>Set while the host judges.</summary>
    public uint HostBit { get; }

    /// <summary>Set on a packet that its own direction denies and that answers a connection, until the opener's rule is found.</summary>
    public uint AnswerBit { get; }

    /// <summary>The bits that number the classes.</summary>
    public uint ClassMask { get; }

    /// <summary>All bits that the policy uses.</summary>
    public uint Used => HostBit | AnswerBit | ClassMask;

    /// <summary>The mark of a class.</summary>
    /// <param name="id">Its number.</param>
    public uint MarkOf(int id) => (uint)id << _shift;

    /// <summary>Forgets what a former judge left, and says who judges.</summary>
    /// <param name="isHost">Whether it is the host.</param>
    public ChainRule Begin(bool isHost) => new("", $"-j MARK --set-xmark {Hexadecimal(isHost ? HostBit : 0)}/{Hexadecimal(Used)}");

    /// <summary>Says that the packet is an answer.</summary>
    public ChainRule MarkAnswer() => new("", $"-j MARK --set-xmark {Hexadecimal(AnswerBit)}/{Hexadecimal(AnswerBit)}");

    /// <summary>Matches answers.</summary>
    public string MatchAnswer() => $"-m mark --mark {Hexadecimal(AnswerBit)}/{Hexadecimal(AnswerBit)} ";

    /// <summary>Matches the classes whose number has given bits.</summary>
    /// <param name="id">The bits.</param>
    /// <param name="bits">Which bits of the number count.</param>
    public string Match(int id, int bits) => $"-m mark --mark {Hexadecimal(MarkOf(id))}/{Hexadecimal(MarkOf(bits))} ";

    /// <summary>The bit that is set while the host judges, whatever the policy.</summary>
    /// <param name="mask">The bits that are ours.</param>
    public static uint HostBitOf(uint mask) => 1u << BitOperations.TrailingZeroCount(mask);

    /// <summary>As the programs write it.</summary>
    public static string Hexadecimal(uint value) => "0x" + value.ToString("x", CultureInfo.InvariantCulture);
}
