using Datapath.Lab.Agents;
using Datapath.Lab.Networks;

namespace Datapath.Lab.Demo;

/// <summary>What the demo is told on its command line.</summary>
/// <param name="AgentPath">The executable <c>datapath</c>.</param>
/// <param name="ExamplePath">Folder with the policy and <c>expected.txt</c>.</param>
/// <param name="WorkPath">An empty folder for socket, state and the copy of the policy; the caller deletes it.</param>
/// <param name="Instance">Name of the agent's instance.</param>
/// <param name="Prefix">Beginning of the names of network namespaces.</param>
/// <param name="Backend">What enforces: <c>ebpf</c> or <c>iptables</c>.</param>
internal sealed record DemoOptions(string AgentPath, string ExamplePath, string WorkPath, string Instance, string Prefix, string Backend)
{
    /// <summary>The backend as people call it.</summary>
    public string BackendTitle => IsEbpf ? "eBPF" : Backend;

    private bool IsEbpf => Backend == "ebpf";

    /// <summary>Reads pairs of <c>--name value</c>.</summary>
    /// <param name="arguments">What follows the verb.</param>
    /// <exception cref="LabException">An option is missing or unknown.</exception>
    public static DemoOptions Parse(IReadOnlyList<string> arguments)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var index = 0; index + 1 < arguments.Count; index += 2)
        {
            given[arguments[index]] = arguments[index + 1];
        }

        string[] known = ["--agent", "--example", "--work", "--instance", "--prefix", "--backend"];
        if (given.Count != known.Length || known.Any(name => !given.ContainsKey(name)) || arguments.Count != 2 * known.Length || given["--backend"] is not ("ebpf" or "iptables"))
        {
            throw new LabException("usage: Datapath.Lab demo --agent FILE --example DIR --work DIR --instance NAME --prefix NAME --backend ebpf|iptables");
        }

        return new DemoOptions(given["--agent"], given["--example"], given["--work"], given["--instance"], given["--prefix"], given["--backend"]);
    }

    /// <summary>Where the agent lives; its policy is a copy of the example's.</summary>
    /// <param name="router">The host to protect.</param>
    public AgentSite SiteOn(LabHost router) => new(AgentPath, router, Instance, WorkPath) { EnableEbpf = IsEbpf };
}
