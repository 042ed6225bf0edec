using System.Runtime.InteropServices;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Compilation.Passes;

/// <summary>
/// The questions that rules ask about a peer. A peer set asks one for its Allow rules and another for its Reject rules, because an
/// external network's Allow does not hold for a managed unit while its Reject does (specification b.3).
/// </summary>
/// <param name="policy">Where peer sets are looked up.</param>
/// <param name="failsafeNetworks">Number of networks that failsafe ports name; they follow the external networks and the excluded ones.</param>
internal sealed class PeerAtoms(ResolvedPolicy policy, int failsafeNetworks)
{
    /// <summary>The atom of excluded networks, which goes before every other.</summary>
    public const int Excluded = 0;

    private readonly int _failsafeNetworks = failsafeNetworks;
    private readonly HashSet<int> _asked = [];
    private readonly List<int>[] _ofUnit = [.. policy.Units.Select(_ => new List<int>())];
    private readonly List<int>[] _rejectsOfNetwork = [.. policy.Networks.Select(_ => new List<int>())];
    private readonly List<int>[] _allowsOfNetwork = [.. policy.Networks.Select(_ => new List<int>())];

    /// <summary>Numbers of atoms: the excluded networks, the failsafe networks, and two for each peer set.</summary>
    public int Count => 1 + _failsafeNetworks + (2 * policy.Peers.Length);

    /// <summary>The atom of the i-th failsafe network.</summary>
    public static int OfFailsafe(int network) => 1 + network;

    /// <summary>The atom for a peer set in rules of one action; asks for it when it is new.</summary>
    public int OfPeers(int peers, Verdict action)
    {
        // By the peer set and not by who asks first: a rule that changes its action leaves the numbers of the others alone.
        int number = 1 + _failsafeNetworks + (2 * peers) + (action == Verdict.Allow ? 0 : 1);
        if (!_asked.Add(number))
        {
            return number;
        }
        PeerSet set = policy.Peers[peers];
        foreach (int unit in set.Units)
        {
            Enter(_ofUnit[unit], number);
        }
        List<int>[] ofNetwork = action == Verdict.Allow ? _allowsOfNetwork : _rejectsOfNetwork;
        foreach (int network in set.Networks)
        {
            Enter(ofNetwork[network], number);
        }
        return number;
    }

    /// <summary>Ascending, whoever asks first.</summary>
    private static void Enter(List<int> atoms, int number) => atoms.Insert(~atoms.BinarySearch(number), number);

    /// <summary>The atoms that hold for an address, ascending: its peer class is this list.</summary>
    /// <param name="networks">The swept networks that it is a member of.</param>
    /// <param name="unit">Its owner, or -1.</param>
    /// <param name="isManaged">Whether only the owner's tags may allow.</param>
    /// <param name="atoms">Receives the atoms.</param>
    public void Collect(ReadOnlySpan<int> networks, int unit, bool isManaged, List<int> atoms)
    {
        atoms.Clear();
        foreach (int network in networks)
        {
            if (network == policy.Networks.Length)
            {
                // Nothing tells excluded addresses apart.
                atoms.Clear();
                atoms.Add(Excluded);
                return;
            }
            if (network > policy.Networks.Length)
            {
                atoms.Add(OfFailsafe(network - policy.Networks.Length - 1));
                continue;
            }
            atoms.AddRange(_rejectsOfNetwork[network]);
            if (unit < 0 || !isManaged)
            {
                atoms.AddRange(_allowsOfNetwork[network]);
            }
        }
        if (unit >= 0)
        {
            atoms.AddRange(_ofUnit[unit]);
        }
        SortAndUnite(atoms);
    }

    /// <summary>Whether the same questions are asked about the same units and networks, by the same numbers.</summary>
    /// <param name="other">Those of an earlier compilation.</param>
    public bool AskLike(PeerAtoms other) =>
        Count == other.Count
        && _failsafeNetworks == other._failsafeNetworks
        && AreEqual(_ofUnit, other._ofUnit)
        && AreEqual(_rejectsOfNetwork, other._rejectsOfNetwork)
        && AreEqual(_allowsOfNetwork, other._allowsOfNetwork);

    private static bool AreEqual(List<int>[] one, List<int>[] other) =>
        one.Length == other.Length && one.Zip(other).All(pair => CollectionsMarshal.AsSpan(pair.First).SequenceEqual(CollectionsMarshal.AsSpan(pair.Second)));

    private static void SortAndUnite(List<int> atoms)
    {
        atoms.Sort();
        int kept = 0;
        for (int i = 0; i < atoms.Count; i++)
        {
            if (i == 0 || atoms[i] != atoms[i - 1])
            {
                atoms[kept++] = atoms[i];
            }
        }
        atoms.RemoveRange(kept, atoms.Count - kept);
    }
}
