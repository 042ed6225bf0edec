using Datapath.KernelTests.Iptables;

namespace Datapath.KernelTests.Agent;

/// <summary>What judges in a lab: each backend in each of its two forms. What holds for one must hold for all.</summary>
internal static class Judge
{
    /// <summary>eBPF by links at tc.</summary>
    public const string Tcx = "tcx";

    /// <summary>eBPF by filters at clsact.</summary>
    public const string Clsact = "clsact";

    /// <summary>iptables whose rules become those of nf_tables.</summary>
    public const string Nft = "nft";

    /// <summary>iptables with tables of its own.</summary>
    public const string Legacy = "legacy";

    /// <summary>Makes a lab whose agents judge so, when they are started with <see cref="Options"/> or without, by what is the default there.</summary>
    /// <param name="judge">One of the constants.</param>
    /// <param name="policy">Text of the one policy file.</param>
    /// <param name="hasPod">Whether <c>web</c> is connected from the beginning.</param>
    public static async Task<AgentLab> CreateLabAsync(string judge, string policy, bool hasPod = true)
    {
        AgentLab lab = await AgentLab.CreateAsync(policy, hasPod, enableEbpf: IsEbpf(judge));
        if (judge == Legacy)
        {
            RuleListing.Prefer(lab, Legacy);
        }

        return lab;
    }

    /// <summary>Options of the agent besides those of the lab.</summary>
    /// <param name="judge">One of the constants.</param>
    public static string[] Options(string judge) => IsEbpf(judge) ? ["--tc-hook", judge] : [];

    private static bool IsEbpf(string judge) => judge is Tcx or Clsact;
}
