namespace Datapath.Backends.Iptables.Lowering;

/// <summary>The comment by which an agent, or a person, recognises whose chains these are and which policy they hold.</summary>
/// <param name="Instance">Name of the instance.</param>
/// <param name="Checksum">See <see cref="LoweredPolicy.Checksum"/>.</param>
internal sealed record RuleNote(string Instance, string Checksum)
{
    private const string Start = "datapath";

    /// <summary>The text.</summary>
    /// <param name="instance">Name of the instance.</param>
    /// <param name="checksum">Of the policy.</param>
    public static string Of(string instance, string checksum) => $"{Start} {instance} {checksum}";

    /// <summary>Finds the note in a rule as <c>iptables-save</c> prints it; null when there is none.</summary>
    /// <param name="rule">The line.</param>
    public static RuleNote? In(string rule)
    {
        int start = rule.IndexOf($"--comment \"{Start} ", StringComparison.Ordinal);
        if (start < 0)
        {
            return null;
        }

        string[] words = rule[start..].Split('"')[1].Split(' ');
        return words.Length == 3 ? new RuleNote(words[1], words[2]) : null;
    }
}
