using System.Collections.Immutable;
using Datapath.Tests.Support;

namespace Datapath.Shared.Sequences;

/// <summary>Takes away from a failing sequence whatever it fails without: steps first, then rules of each policy.</summary>
internal static class SequenceShrinker
{
    // Each try of a policy writes three of them into the kernel.
    private const int MostPolicies = 300;

    /// <summary>The steps that are needed.</summary>
    /// <param name="steps">Steps that fail.</param>
    /// <param name="stillFails">Whether fewer do.</param>
    public static ImmutableArray<Step> Shrink(ImmutableArray<Step> steps, Func<ImmutableArray<Step>, bool> stillFails)
    {
        for (int length = steps.Length / 2; length > 0; length /= 2)
        {
            for (int at = steps.Length - length; at >= 0; at--)
            {
                if (at + length <= steps.Length && steps.RemoveRange(at, length) is var fewer && stillFails(fewer))
                {
                    steps = fewer;
                }
            }
        }
        return steps;
    }

    /// <summary>The rules and networks that are needed, in every policy. Units, host and options stay.</summary>
    /// <param name="one">A case that fails.</param>
    /// <param name="stillFails">Whether a smaller one does.</param>
    public static SequenceCase ShrinkPolicies(SequenceCase one, Func<SequenceCase, bool> stillFails)
    {
        int left = MostPolicies;
        for (int version = 0; version < one.Versions.Length; version++)
        {
            PolicyCase whole = one.Versions[version];
            PolicyCase small = PolicyShrinker.Shrink(
                whole,
                candidate => HasSameUnits(candidate, whole) && left-- > 0 && stillFails(one with { Versions = one.Versions.SetItem(version, candidate) })
            );
            one = one with { Versions = one.Versions.SetItem(version, small) };
        }
        return one;
    }

    private static bool HasSameUnits(PolicyCase one, PolicyCase other) =>
        one.Written.ProcessingUnits == other.Written.ProcessingUnits && one.Inventory == other.Inventory && one.Options == other.Options;
}
