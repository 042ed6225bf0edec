using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>One direction of one policy: for each peer class the row in which its rules meet.</summary>
internal static class DirectionMatrix
{
    public static ImmutableArray<int> Compile(DirectionRules rules, PeerClasses peers, PeerAtoms atoms, RowTable rows)
    {
        var deciding = new RulesByAtom(rules.Deciding, atoms.Count);
        var observing = new RulesByAtom(rules.Observing, atoms.Count);
        var relevant = new SequenceTable();
        var rowOfRelevant = new List<int>();
        var result = ImmutableArray.CreateBuilder<int>(peers.Count);
        var own = new List<int>();
        for (int peerClass = 0; peerClass < peers.Count; peerClass++)
        {
            own.Clear();
            foreach (int atom in peers.Atoms(peerClass))
            {
                if (deciding.Has(atom) || observing.Has(atom))
                {
                    own.Add(atom);
                }
            }
            int number = relevant.Intern(CollectionsMarshal.AsSpan(own), out bool isNew);
            if (isNew)
            {
                rowOfRelevant.Add(rows.Row(deciding.Matching(own), observing.Matching(own)));
            }
            result.Add(rowOfRelevant[number]);
        }
        return result.MoveToImmutable();
    }

    /// <summary>Finds the rules that match a class without looking at the others.</summary>
    private sealed class RulesByAtom
    {
        private readonly ImmutableArray<PreparedRule> _rules;
        private readonly List<int>?[] _places;
        private readonly List<int> _everybody = [];
        private readonly List<int> _found = [];

        public RulesByAtom(ImmutableArray<PreparedRule> rules, int atoms)
        {
            _rules = rules;
            _places = new List<int>?[atoms];
            for (int place = 0; place < rules.Length; place++)
            {
                int atom = rules[place].Atom;
                (atom == PreparedRule.Everybody ? _everybody : _places[atom] ??= []).Add(place);
            }
        }

        public bool Has(int atom) => _places[atom] is not null;

        public PreparedRule[] Matching(List<int> atoms)
        {
            _found.Clear();
            _found.AddRange(_everybody);
            foreach (int atom in atoms)
            {
                if (_places[atom] is { } places)
                {
                    _found.AddRange(places);
                }
            }
            _found.Sort();
            return [.. _found.Select(place => _rules[place])];
        }
    }
}
