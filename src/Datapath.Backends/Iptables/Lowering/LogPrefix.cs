using System.Globalization;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Iptables.Lowering;

/// <summary>
/// What the kernel says with an event: <c>dp:GENERATION:VERDICT:FLAGS:RULE:OBSERVED:OBSERVED-VERDICT:REASON</c>, and <c>:UNIT</c> where neither
/// hook nor interface tell it, all hexadecimal, in fewer than the 64 bytes of a prefix (struct xt_nflog_info).
/// </summary>
/// <param name="Generation">The generation that judged.</param>
/// <param name="Descriptor">What decided.</param>
/// <param name="Reason">Why the packet is dropped.</param>
/// <param name="Unit">Number of the unit that judged what it sends, when it is a cgroup; else 0.</param>
internal readonly record struct LogPrefix(uint Generation, Descriptor Descriptor, DropReason Reason, int Unit = 0)
{
    private const string Start = "dp";

    /// <summary>The prefix of a descriptor, with <see cref="ChainRule.GenerationMark"/> for the generation.</summary>
    /// <param name="descriptor">What decided.</param>
    /// <param name="reason">Why the packet is dropped.</param>
    /// <param name="unit">Number of the unit that is a cgroup; 0 for others.</param>
    public static string Of(Descriptor descriptor, DropReason reason, int unit = 0) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Start}:{ChainRule.GenerationMark}:{(int)descriptor.Verdict:x}:{(int)descriptor.Flags:x}:{descriptor.RuleIndex:x}:{descriptor.ObservedRuleIndex:x}:{(int)descriptor.ObservedVerdict:x}:{(int)reason:x}{(unit == 0 ? "" : $":{unit:x}")}"
        );

    /// <summary>Reads a prefix; null when it is not one of ours.</summary>
    /// <param name="text">As the kernel gives it.</param>
    public static LogPrefix? Parse(string text)
    {
        string[] parts = text.Split(':');
        if (parts.Length is not (8 or 9) || parts[0] != Start)
        {
            return null;
        }

        Span<uint> numbers = stackalloc uint[parts.Length - 1];
        for (int i = 0; i < numbers.Length; i++)
        {
            if (!uint.TryParse(parts[i + 1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out numbers[i]))
            {
                return null;
            }
        }

        return new LogPrefix(
            numbers[0],
            new Descriptor((Verdict)numbers[1], (DescriptorFlags)numbers[2], (int)numbers[3], (int)numbers[4], (Verdict)numbers[5]),
            (DropReason)numbers[6],
            numbers.Length > 7 ? (int)numbers[7] : 0
        );
    }
}
