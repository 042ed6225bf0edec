using System.Collections.Immutable;
using System.Text;
using Datapath.Policy.Rulesets;

namespace Datapath.Policy.Resolution;

/// <summary>Finds the peers of object expressions; equal expressions of one namespace share a set.</summary>
internal sealed class PeerResolution(ImmutableArray<ResolvedUnit> units, ImmutableArray<ResolvedNetwork> networks)
{
    private readonly TagIndex _units = new(units.Select(unit => unit.Tags));
    private readonly TagIndex _networks = new(networks.Select(network => network.Tags));
    private readonly Dictionary<(string Namespace, string Expression), int> _numbers = [];
    private readonly ImmutableArray<PeerSet>.Builder _sets = ImmutableArray.CreateBuilder<PeerSet>();

    /// <summary>The sets so far.</summary>
    public ImmutableArray<PeerSet> Sets => _sets.ToImmutable();

    /// <summary>The units that a subject selects.</summary>
    public ImmutableArray<int> Subjects(TagExpression subject) => _units.Match(subject);

    /// <summary>The number of the set that an expression stands for in rulesets of a namespace.</summary>
    /// <param name="expression">The object expression.</param>
    /// <param name="text">Its canonical text.</param>
    /// <param name="path">The ruleset's namespace, which decides which networks it may name.</param>
    public int Number(TagExpression expression, string text, string path)
    {
        if (_numbers.TryGetValue((path, text), out int number))
        {
            return number;
        }
        ImmutableArray<int> visible =
        [
            .. _networks
                .Match(expression)
                .Where(index => NamespacePath.IsVisible(networks[index].Namespace, networks[index].Propagate, path)),
        ];
        _sets.Add(new PeerSet(_units.Match(expression), visible));
        _numbers.Add((path, text), _sets.Count - 1);
        return _sets.Count - 1;
    }

    /// <summary>A text that two expressions share exactly when they are written alike. No tag holds the separators' control characters.</summary>
    public static string Canonical(TagExpression expression)
    {
        if (expression.Clauses is [[var only]])
        {
            return only;
        }
        var text = new StringBuilder();
        foreach (ImmutableArray<string> clause in expression.Clauses)
        {
            text.AppendJoin('\u0001', clause).Append('\u0002');
        }
        return text.ToString();
    }
}
