using System.Collections.Immutable;
using System.Text;
using Datapath.Agent.Documents;
using Datapath.Backends.Selection;

namespace Datapath.Agent.Commands;

/// <summary>The state of a host as a person reads it: the answer first, then what to do, then everything. Equal states give equal bytes.</summary>
internal static class DoctorText
{
    /// <summary>The answer, what is in the way and what mends it, every requirement, and who else filters packets.</summary>
    /// <param name="host">What was found.</param>
    /// <param name="choice">What follows.</param>
    public static string Render(HostSurvey host, BackendSelection choice)
    {
        StringBuilder text = new();
        text.Append($"backend   {BackendSelector.Word(choice.Chosen)}\n");
        text.Append($"why       {choice.Reason}\n");
        text.Append($"kernel    {host.KernelRelease}\n");
        Block(text, "in the way:", InTheWay(choice));
        Block(text, "worth mending:", Remedies(host.Requirements.Where(one => one.Level == RequirementLevel.Useful && IsOf(one, choice))));
        Block(text, $"what {BackendSelector.Word(choice.Chosen)} cannot do:", string.Concat(BackendLimits.Of(choice.Chosen).Select(limit => $"  {limit}\n")));
        Block(text, "", Table(host.Requirements));
        Block(text, "others who filter packets of this host:", Others(host.Neighbours));
        return text.ToString();
    }

    /// <summary>What keeps the asked backend from enforcing, with what mends it; empty when nothing does.</summary>
    /// <param name="choice">The choice.</param>
    public static string InTheWay(BackendSelection choice)
    {
        // What rests on something missing cannot be told either, and would bury it.
        string rest = choice.NotKnown.IsEmpty ? "" : $"  {choice.NotKnown.Length} more cannot be told before that is mended\n";
        return choice.InTheWay.IsEmpty ? Remedies(choice.NotKnown) : Remedies(choice.InTheWay) + rest;
    }

    private static void Block(StringBuilder text, string title, string lines)
    {
        if (lines.Length > 0)
        {
            text.Append('\n').Append(title).Append(title.Length == 0 ? "" : "\n").Append(lines);
        }
    }

    private static string Remedies(IEnumerable<Requirement> requirements)
    {
        StringBuilder text = new();
        foreach (Requirement one in requirements.Where(one => one.Finding != Finding.Found))
        {
            text.Append($"  {one.Name}: {Word(one.Finding)}: {one.Evidence}\n");
            text.Append(one.Remedy is null ? "" : $"    mend: {one.Remedy}\n");
        }

        return text.ToString();
    }

    private static string Table(ImmutableArray<Requirement> requirements)
    {
        TextTable table = new(["for", "need", "what", "state", "since", "why"], rightAligned: []);
        foreach (Requirement one in requirements)
        {
            table.Add([Wording.Of(one.Scope), Wording.Of(one.Level), one.Name, Word(one.Finding), one.Since ?? "-", one.Evidence]);
        }

        return table.Render();
    }

    private static string Others(ImmutableArray<Neighbour> neighbours)
    {
        StringBuilder text = new();
        foreach (Neighbour one in neighbours.Where(one => one.Finding == Finding.Found))
        {
            text.Append($"  {one.Name}: {one.Evidence}\n");
            text.Append(one.Advice is null ? "" : $"    {one.Advice}\n");
        }

        // One reason mostly hides many of them: no root.
        foreach (IGrouping<string, Neighbour> hidden in neighbours.Where(one => one.Finding == Finding.CouldNotTell).GroupBy(one => one.Evidence))
        {
            text.Append($"  could not tell: {string.Join(", ", hidden.Select(one => one.Name))}: {hidden.Key}\n");
        }

        return text.Length == 0 ? $"  none of those that are known ({neighbours.Length})\n" : text.ToString();
    }

    private static bool IsOf(Requirement one, BackendSelection choice) =>
        one.Scope == RequirementScope.Both || (one.Scope == RequirementScope.Ebpf) == (choice.Asked == BackendKind.Ebpf);

    private static string Word(Finding finding) => finding == Finding.CouldNotTell ? "could not tell" : Wording.Of(finding);
}
