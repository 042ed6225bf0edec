using System.Collections.Immutable;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Lint;

/// <summary>Permissions between units to which only one side agrees while the other leaves it to a default that rejects.</summary>
internal sealed class AgreementLint(DecisionCells cells, RulePlaces places, DiagnosticSink sink)
{
    private readonly Dictionary<(int From, int Rule, int Table), Answer> _answers = [];

    /// <summary>Reports them, one warning a rule.</summary>
    /// <param name="shadowed">Rules that allow nothing anyway.</param>
    public void Check(ImmutableHashSet<RuleIdentity> shadowed)
    {
        int number = 0;
        for (int i = 0; i < cells.Policy.Rulesets.Length; i++)
        {
            ResolvedRuleset ruleset = cells.Policy.Rulesets[i];
            int[] subjects = Subjects(i);
            foreach (ResolvedRule rule in ruleset.Incoming.Concat(ruleset.Outgoing).Where(rule => rule is { Action: Verdict.Allow, IsObserving: false }))
            {
                if (!shadowed.Contains(rule.Identity))
                {
                    Check(ruleset, rule, number++, subjects);
                }
            }
        }
    }

    /// <summary>The units that a ruleset applies to, two of each kind: what a peer says depends on classes, and on not being the unit itself.</summary>
    private int[] Subjects(int ruleset) =>
        [
            .. Judged(Enumerable.Range(0, cells.Policy.Units.Length))
                .Where(unit => cells.Policy.Units[unit].Rulesets.BinarySearch(ruleset) >= 0)
                .GroupBy(unit => string.Join(' ', cells.Policy.Units[unit].Addresses.Select(address => cells.ClassOf(address.Key)).Distinct()))
                .SelectMany(alike => alike.Take(2)),
        ];

    private IEnumerable<int> Judged(IEnumerable<int> units) => units.Where(unit => cells.TableOf(unit) is not null);

    private void Check(ResolvedRuleset ruleset, ResolvedRule rule, int number, int[] subjects)
    {
        var refusing = new List<int>();
        foreach (int peer in Judged(cells.Policy.Peers[rule.Peers].Units))
        {
            var answer = Answer.NotAsked;
            foreach (int subject in subjects.Where(subject => subject != peer))
            {
                answer = Better(answer, Ask(peer, subject, rule, number));
                if (answer == Answer.Agrees)
                {
                    break;
                }
            }
            if (answer == Answer.RefusesByDefault)
            {
                refusing.Add(peer);
            }
        }
        if (refusing.Count > 0)
        {
            Report(ruleset, rule, refusing);
        }
    }

    private void Report(ResolvedRuleset ruleset, ResolvedRule rule, List<int> refusing)
    {
        bool isIncoming = rule.Identity.Direction == Direction.Incoming;
        string names = LintWords.Few([.. refusing.Select(unit => Quoted.Value(cells.Policy.Units[unit].Name))]);
        string message = isIncoming
            ? $"{LintWords.Name(rule.Identity)} lets connections in from {names}, and no outgoing rule there allows them: its default rejects"
            : $"{LintWords.Name(rule.Identity)} allows connections to {names}, and no incoming rule there allows them: its default rejects";
        sink.Report(isIncoming ? LintDiagnostics.NoOutgoing : LintDiagnostics.NoIncoming, places.Of(ruleset, rule.Identity), message);
    }

    /// <summary>What a peer says of the rule's ports and a subject; units with equal tables say the same.</summary>
    private Answer Ask(int peer, int subject, ResolvedRule rule, int number)
    {
        var key = (subject, number, cells.TableOf(peer)!.Value);
        if (!_answers.TryGetValue(key, out Answer answer))
        {
            answer = Answer.NotAsked;
            Direction other = rule.Identity.Direction == Direction.Incoming ? Direction.Outgoing : Direction.Incoming;
            foreach (UnitAddress address in cells.Policy.Units[subject].Addresses)
            {
                foreach ((_, PortTable table, ushort portKey) in cells.PortsOf(rule))
                {
                    Descriptor decided = cells.Decide(peer, other, address.Key, table, portKey);
                    answer = Better(answer, AnswerOf(decided));
                }
            }
            _answers.Add(key, answer);
        }
        return answer;
    }

    // A built-in is allowed everywhere and agrees to nothing in particular.
    private static Answer AnswerOf(Descriptor decided) =>
        decided switch
        {
            { Flags: var flags } when flags.HasFlag(DescriptorFlags.BuiltIn) => Answer.NotAsked,
            { Verdict: Verdict.Allow } => Answer.Agrees,
            { Flags: var flags } when flags.HasFlag(DescriptorFlags.Default) => Answer.RefusesByDefault,
            _ => Answer.Rejects,
        };

    private static Answer Better(Answer left, Answer right) => left > right ? left : right;

    /// <summary>What the other side says, the most favourable last.</summary>
    private enum Answer
    {
        NotAsked,
        Rejects,
        RefusesByDefault,
        Agrees,
    }
}
