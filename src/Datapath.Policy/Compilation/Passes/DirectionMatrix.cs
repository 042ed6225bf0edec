using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>One direction of one policy: for each peer class the row in which its rules meet.</summary>
internal sealed class DirectionMatrix
{
    private const int NoRules = -1;

    private readonly RowMemory _memory;
    private readonly RulesByAtom _deciding;
    private readonly RulesByAtom _observing;
    private readonly int[] _listOfAtom;
    private readonly int _everybody;
    private PaintedRow? _rowOfOthers;

    private DirectionMatrix(DirectionRules rules, int atoms, RowMemory memory)
    {
        _memory = memory;
        _deciding = new RulesByAtom(rules.Deciding, atoms);
        _observing = new RulesByAtom(rules.Observing, atoms);
        _listOfAtom = new int[atoms];
        var list = new List<int>();
        for (int atom = 0; atom < atoms; atom++)
        {
            _listOfAtom[atom] = _deciding.Has(atom) || _observing.Has(atom) ? ListOf(atom, list) : NoRules;
        }
        _everybody = ListOf(PreparedRule.Everybody, list);
    }

    /// <summary>Finds the rows of all peer classes, painting those that no earlier compilation has painted.</summary>
    public static ImmutableArray<int> Compile(DirectionRules rules, PeerClasses peers, int atoms, RowMemory memory, RowPainter painter, RowTable rows)
    {
        var matrix = new DirectionMatrix(rules, atoms, memory);
        int lists = memory.RuleList([.. matrix._listOfAtom, matrix._everybody]);
        PaintedRow[]? known = memory.Matrix(lists, peers.Division);
        var painted = known ?? new PaintedRow[peers.Count];
        var result = ImmutableArray.CreateBuilder<int>(peers.Count);
        for (int peerClass = 0; peerClass < peers.Count; peerClass++)
        {
            if (known is null && !rows.IsFull)
            {
                painted[peerClass] = matrix.Row(peers.Atoms(peerClass), painter);
            }
            result.Add(rows.IsFull ? 0 : rows.Number(painted[peerClass]));
        }
        if (!rows.IsFull)
        {
            memory.Keep(lists, peers.Division, painted);
        }
        return result.MoveToImmutable();
    }

    private PaintedRow Row(ReadOnlySpan<int> atoms, RowPainter painter)
    {
        // Most classes of a large policy are told apart by rules of other units: for this one they are all alike.
        bool isNamed = false;
        foreach (int atom in atoms)
        {
            isNamed |= _listOfAtom[atom] != NoRules;
        }
        return isNamed ? Meeting(atoms, painter) : _rowOfOthers ??= Meeting(atoms, painter);
    }

    private PaintedRow Meeting(ReadOnlySpan<int> atoms, RowPainter painter)
    {
        Span<int> lists = atoms.Length < 256 ? stackalloc int[atoms.Length + 1] : new int[atoms.Length + 1];
        int count = 0;
        foreach (int atom in atoms)
        {
            if (_listOfAtom[atom] != NoRules)
            {
                lists[count++] = _listOfAtom[atom];
            }
        }
        // Atoms have other numbers in every compilation, so the lists need an order of their own. What holds for everybody comes last.
        lists[..count].Sort();
        lists[count++] = _everybody;
        if (!_memory.TryRow(lists[..count], out PaintedRow row))
        {
            row = painter.Paint(_deciding.Matching(atoms), _observing.Matching(atoms));
            _memory.Add(row);
        }
        return row;
    }

    /// <summary>
    /// The number of the rules that an atom brings. It says which rules meet; their order follows from it, because a rule's rank is part of
    /// what is written down here.
    /// </summary>
    private int ListOf(int atom, List<int> list)
    {
        list.Clear();
        _deciding.Write(atom, list);
        list.Add(NoRules);
        _observing.Write(atom, list);
        return _memory.RuleList(CollectionsMarshal.AsSpan(list));
    }

    /// <summary>Finds the rules that match a class without looking at the others.</summary>
    private sealed class RulesByAtom
    {
        private readonly ImmutableArray<PreparedRule> _rules;
        private readonly List<int>?[] _places;
        private readonly List<int> _everybody = [];
        private readonly List<int> _found = [];
        private readonly List<PreparedRule> _matching = [];

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

        public void Write(int atom, List<int> list)
        {
            foreach (int place in (atom == PreparedRule.Everybody ? _everybody : _places[atom]) ?? [])
            {
                list.Add(_rules[place].Rule);
                list.Add(_rules[place].Ports);
                list.Add(_rules[place].Rank);
            }
        }

        /// <summary>The rules for a class, by precedence; good until the next call.</summary>
        public List<PreparedRule> Matching(ReadOnlySpan<int> atoms)
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
            _matching.Clear();
            foreach (int place in _found)
            {
                _matching.Add(_rules[place]);
            }
            return _matching;
        }
    }
}
