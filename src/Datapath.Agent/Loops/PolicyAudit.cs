using Datapath.Agent.Documents;
using Datapath.Agent.Files;
using Datapath.Flows;
using Datapath.Policy.Compilation;

namespace Datapath.Agent.Loops;

/// <summary>Writes down each change of what is enforced: who, what, and what came of it. Only the policy loop calls it.</summary>
/// <param name="log">Where it is written.</param>
/// <param name="report">Told when it cannot be.</param>
/// <param name="clock">The time.</param>
internal sealed class PolicyAudit(AuditLog log, PolicyLoopReport report, TimeProvider clock)
{
    private CompiledPolicy? _inForce;
    private CompiledPolicy? _before;
    private string? _said;
    private string? _hash;
    private string _summary = "";
    private bool _isChanged;
    private uint _generation;

    /// <summary>What an earlier agent left in force; that is no change.</summary>
    /// <param name="generation">0 for nothing.</param>
    public void Adopted(uint generation) => _generation = generation;

    /// <summary>The kernel judges by a policy; written down with whatever had it put in force.</summary>
    /// <param name="version">The policy.</param>
    /// <param name="done">What the backend did.</param>
    public void InForce(PolicyVersion version, Enforcement done)
    {
        CompiledPolicy policy = done.Policy!;
        if (done.Report!.Changed)
        {
            _summary = Difference(_inForce, policy);
            (_isChanged, _said) = (true, null);
        }

        // The same policy for a changed host is none to go back to.
        _before = version.Hash == _hash ? _before : _inForce;
        (_inForce, _hash) = (policy, version.Hash);
    }

    /// <summary>The kernel judges by the policy before the one on trial again.</summary>
    /// <param name="version">That policy; null when it is not known.</param>
    public void BackTo(PolicyVersion? version)
    {
        _summary = _before is null ? "" : Difference(_inForce, _before);
        (_inForce, _hash, _isChanged) = (_before, version?.Hash, true);
    }

    /// <summary>An order was carried out, or not.</summary>
    /// <param name="order">The order.</param>
    /// <param name="outcome">What came of it.</param>
    /// <param name="generation">What packets are judged by now.</param>
    public void Order(PolicyOrder order, OrderOutcome outcome, uint generation)
    {
        // A signal that changes nothing is in the log, and no change.
        if (order.Kind != OrderKind.Reload || _isChanged)
        {
            string detail = order.Kind == OrderKind.Apply ? $"{order.Path}: " : "";
            Write(order.Kind.ToString().ToLowerInvariant(), order.By, OrderDocument.Of(outcome).End, detail + outcome.Message, generation);
        }
    }

    /// <summary>The loop went round: whatever was put in force since is written down.</summary>
    /// <param name="cause">Why it did.</param>
    /// <param name="generation">What packets are judged by now.</param>
    public void Round(PolicyChange cause, uint generation)
    {
        if (_isChanged)
        {
            // Time that ran out goes before what was found afterwards.
            string change = cause.HasFlag(PolicyChange.Lease) ? "rollback" : "apply";
            Write(change, new AuditActorDocument(ActorOf(cause)), OrderWord.Done, $"generation {generation} is in force", generation);
        }
    }

    /// <summary>The candidate was not put in force.</summary>
    /// <param name="cause">Why it was tried.</param>
    /// <param name="problem">Why not.</param>
    /// <param name="generation">What packets are judged by now.</param>
    public void Refused(PolicyChange cause, string problem, uint generation)
    {
        // What is tried again and again is said once.
        if (_said != problem)
        {
            Write("apply", new AuditActorDocument(ActorOf(cause)), OrderWord.Refused, problem, generation);
            _said = problem;
        }
    }

    /// <summary>A pause ended by itself.</summary>
    /// <param name="generation">What packets are judged by again.</param>
    public void Resumed(uint generation) =>
        Write("resume", new AuditActorDocument("lease"), OrderWord.Done, $"the pause is over, generation {generation} is in force again", generation);

    /// <summary>Somebody had changed what the kernel enforces.</summary>
    /// <param name="damage">What was found.</param>
    /// <param name="generation">What packets are judged by now.</param>
    public void Repaired(string damage, uint generation)
    {
        if (_said != damage)
        {
            Write("repair", new AuditActorDocument("agent"), OrderWord.Done, damage, generation);
            _said = damage;
        }
    }

    private static string ActorOf(PolicyChange cause) =>
        cause.HasFlag(PolicyChange.Lease) ? "lease"
        : cause.HasFlag(PolicyChange.Files) ? "files"
        : cause.HasFlag(PolicyChange.Host) ? "host"
        : "agent";

    private void Write(string change, AuditActorDocument by, string result, string message, uint generation)
    {
        AuditDocument line = new(FlowTimeText.Of(clock.GetUtcNow()), change, by, _summary, _hash, _generation, generation, result, message);
        (_summary, _isChanged, _generation) = ("", false, generation);
        try
        {
            log.Append(line);
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            // A full disk must not keep a policy from being enforced, or from being gone back from.
            report.AuditNotWritten(refusal.Message);
        }
    }

    // A rule whose content changes has another number: what only one side has is what is different.
    private static string Difference(CompiledPolicy? before, CompiledPolicy after)
    {
        if (before is null)
        {
            return $"{after.Rules.Length} rules and {after.Units.Length} units, in the place of what this agent has not compiled";
        }

        HashSet<int> old = [.. before.Rules.Select(rule => rule.Index)];
        HashSet<int> now = [.. after.Rules.Select(rule => rule.Index)];
        HashSet<RuleIdentity> newNames = [.. after.Rules.Where(rule => !old.Contains(rule.Index)).Select(rule => rule.Rule)];
        HashSet<RuleIdentity> oldNames = [.. before.Rules.Where(rule => !now.Contains(rule.Index)).Select(rule => rule.Rule)];
        int changed = newNames.Count(oldNames.Contains);
        string named = string.Join(", ", newNames.Union(oldNames).Select(rule => rule.Ruleset).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(NamedRulesets));
        string units = Counted("units", before.Units.Select(unit => (unit.Namespace, unit.Name)), after.Units.Select(unit => (unit.Namespace, unit.Name)));
        if (newNames.Count + oldNames.Count == 0 && units == NoUnits)
        {
            return "";
        }

        string rules = $"rules +{newNames.Count - changed} -{oldNames.Count - changed} ~{changed}";
        return $"{rules}{(named.Length == 0 ? "" : $" ({named})")}; {units}";
    }

    private const int NamedRulesets = 8;
    private const string NoUnits = "units +0 -0";

    private static string Counted<T>(string what, IEnumerable<T> before, IEnumerable<T> after)
    {
        (HashSet<T> old, HashSet<T> now) = ([.. before], [.. after]);
        return $"{what} +{now.Count(one => !old.Contains(one))} -{old.Count(one => !now.Contains(one))}";
    }
}
