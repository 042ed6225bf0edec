using System.Collections.Immutable;
using Datapath.Agent.Documents;
using Datapath.Agent.Files;
using Datapath.Policy.Compilation;
using Datapath.Policy.Explanation;
using Datapath.Policy.Inventory;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Loops;

/// <summary>What was written in the policy that the kernel judges by, for questions about it. One writer, any number of readers.</summary>
internal sealed class ActivePolicy
{
    private Known? _known;
    private Kept _kept = new(null, null);

    /// <summary>The files that the kernel judges by; null when this agent does not know them.</summary>
    public PolicySet? Active => Volatile.Read(ref _kept).Active;

    /// <summary>The files that a start begins with; null when nothing was confirmed.</summary>
    public PolicySet? Confirmed => Volatile.Read(ref _kept).Confirmed;

    /// <summary>Replaces the files. Only the policy loop calls it.</summary>
    /// <param name="active">What the kernel judges by.</param>
    /// <param name="confirmed">What a start begins with.</param>
    public void Publish(PolicySet? active, PolicySet? confirmed) => Volatile.Write(ref _kept, new Kept(active, confirmed));

    /// <summary>Replaces the policy. Only the policy loop calls it, when the kernel has taken one.</summary>
    /// <param name="written">The objects of the files.</param>
    /// <param name="inventory">The host that they were compiled for.</param>
    /// <param name="options">What decided their meaning besides the files.</param>
    /// <param name="units">The units of this host.</param>
    public void Replace(WrittenPolicy written, HostInventory inventory, PolicyOptions options, ImmutableArray<LocalUnit> units) =>
        Volatile.Write(ref _known, new Known(written, inventory, options, units));

    /// <summary>Where a unit is; null before a policy was applied, and for a number that it does not have.</summary>
    /// <param name="number">Number of the unit.</param>
    public Attachment? AttachmentOf(int number) => Volatile.Read(ref _known)?.Units.FirstOrDefault(unit => unit.Number == number)?.Attach;

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

    private sealed record Kept(PolicySet? Active, PolicySet? Confirmed);

    private sealed record Known(WrittenPolicy Written, HostInventory Inventory, PolicyOptions Options, ImmutableArray<LocalUnit> Units);
}
