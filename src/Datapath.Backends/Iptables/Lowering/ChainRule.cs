namespace Datapath.Backends.Iptables.Lowering;

/// <summary>One rule of a chain, as <c>iptables-restore</c> reads it but for the names of our own chains and sets.</summary>
/// <param name="Matches">What it matches, each with a blank behind it; empty for every packet.</param>
/// <param name="Action">What it does, such as <c>-j DROP</c>; <c>-g</c> or <c>-j</c> alone when it leads to another chain of ours.</param>
/// <param name="Target">Number of that chain; -1 for none.</param>
internal readonly record struct ChainRule(string Matches, string Action, int Target = -1)
{
    /// <summary>Stands for the generation in log prefixes, which are not known before the policy is compared with the one in force.</summary>
    public const string GenerationMark = "%g";

    /// <summary>Stands for the name of the set of classes.</summary>
    public const string SetMark = "%s";

    /// <summary>Leads on to a chain without coming back.</summary>
    public static ChainRule Goto(int chain, string matches = "") => new(matches, "-g", chain);

    /// <summary>Asks a chain and comes back.</summary>
    public static ChainRule Jump(int chain, string matches = "") => new(matches, "-j", chain);

    /// <summary>Back to whoever asked: the packet passes this judge.</summary>
    public static ChainRule Return(string matches = "") => new(matches, "-j RETURN");
}
