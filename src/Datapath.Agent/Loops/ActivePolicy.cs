using Datapath.Agent.Documents;
using Datapath.Policy.Explanation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Loops;

/// <summary>What was written in the policy that the kernel judges by, for questions about it. One writer, any number of readers.</summary>
internal sealed class ActivePolicy
{
    private Known? _known;

    /// <summary>Replaces the policy. Only the policy loop calls it, when the kernel has taken one.</summary>
    /// <param name="written">The objects of the files.</param>
    /// <param name="inventory">The host that they were compiled for.</param>
    /// <param name="options">What decided their meaning besides the files.</param>
    public void Replace(WrittenPolicy written, HostInventory inventory, PolicyOptions options) =>
        Volatile.Write(ref _known, new Known(written, inventory, options));

    /// <summary>Explains a connection.</summary>
    /// <param name="from">Who opens it.</param>
    /// <param name="to">Who receives it.</param>
    /// <param name="port">The port.</param>
    public ExplainDocument Explain(string from, string to, string port)
    {
        if (Volatile.Read(ref _known) is not { } known)
        {
            return ExplainDocument.Without(from, to, port, "the agent has not applied a policy since it started: ask about files with --policy");
        }

        // A new one for each question: it remembers what it has looked up, and two may ask at once.
        PolicyExplainer explainer = new(known.Written, known.Inventory, known.Options);
        return ExplainDocument.Of(from, to, port, explainer.Explain(from, to, port));
    }

    private sealed record Known(WrittenPolicy Written, HostInventory Inventory, PolicyOptions Options);
}
