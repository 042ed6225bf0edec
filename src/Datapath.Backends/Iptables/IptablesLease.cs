using System.Globalization;
using System.Text.RegularExpressions;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Iptables;

/// <summary>A lease as the kernel has it: one rule in a chain of its own, whose comment says everything.</summary>
/// <param name="Kind">What ends.</param>
/// <param name="Deadline">When, since boot and sleep included: a host that sleeps through the time has used it up.</param>
/// <param name="Back">The generation that judges afterwards; its chains stand beside the active ones.</param>
/// <param name="Keeper">The process that ends it when no agent lives.</param>
internal sealed partial record IptablesLease(LeaseKind Kind, TimeSpan Deadline, uint Back, int Keeper)
{
    /// <summary>Somebody has begun to end it: it can no longer be confirmed, and whoever finds it goes on with that.</summary>
    public bool IsEnding { get; init; }

    /// <summary>Time until the end; zero when it is over.</summary>
    public TimeSpan Left => IsEnding || KernelClock.SinceBoot() is var now && now >= Deadline ? TimeSpan.Zero : Deadline - KernelClock.SinceBoot();

    /// <summary>The rule, as <c>iptables-save</c> prints it behind the chain's name. No sign in it wants to be quoted.</summary>
    public string Rule =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"-m comment --comment {(IsEnding ? Ending : Pending)}-{(Kind == LeaseKind.Pause ? PauseWord : ConfirmWord)}-{(long)Deadline.TotalMilliseconds}-{Back}-{Keeper}"
        );

    private const string Pending = "lease";
    private const string Ending = "ending";
    private const string PauseWord = "pause";
    private const string ConfirmWord = "confirm";

    /// <summary>Reads a rule.</summary>
    /// <param name="rule">What stands behind the chain's name.</param>
    /// <returns>Null for any other text.</returns>
    public static IptablesLease? Parse(string rule)
    {
        if (Form().Match(rule) is not { Success: true } match)
        {
            return null;
        }

        string Part(string name) => match.Groups[name].Value;
        return new IptablesLease(
            Part("kind") == PauseWord ? LeaseKind.Pause : LeaseKind.Confirm,
            TimeSpan.FromMilliseconds(long.Parse(Part("deadline"), CultureInfo.InvariantCulture)),
            uint.Parse(Part("back"), CultureInfo.InvariantCulture),
            int.Parse(Part("keeper"), CultureInfo.InvariantCulture)
        )
        {
            IsEnding = Part("state") == Ending,
        };
    }

    [GeneratedRegex(
        @"--comment ""?(?<state>lease|ending)-(?<kind>confirm|pause)-(?<deadline>\d{1,15})-(?<back>\d{1,9})-(?<keeper>\d{1,9})\b",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex Form();
}
