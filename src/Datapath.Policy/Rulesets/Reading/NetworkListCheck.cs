using Datapath.Policy.Diagnostics;

namespace Datapath.Policy.Rulesets.Reading;

/// <summary>What has to hold between the entries of one list. Costs a few look-ups an entry, so that 100,000 of them are no matter.</summary>
internal sealed class NetworkListCheck(string name, DiagnosticSink sink)
{
    private readonly Dictionary<IpPrefix, NetworkEntry> _networks = [];
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<IpPrefix> _included = [];
    private readonly SortedSet<int> _lengths = [];
    private readonly List<NetworkEntry> _holes = [];
    private bool _hasMember;

    /// <summary>Takes one entry and says whether the list had it already.</summary>
    public void Add(NetworkEntry entry)
    {
        if (entry.Kind == NetworkEntryKind.HostName)
        {
            AddName(entry);
            return;
        }

        if (!_networks.TryAdd(entry.Network, entry))
        {
            ReportTwice(entry, _networks[entry.Network]);
        }

        if (entry.Kind == NetworkEntryKind.Exclusion)
        {
            _holes.Add(entry);
            return;
        }

        _hasMember = true;
        _included.Add(entry.Network);
        _lengths.Add(entry.Network.Length);
    }

    /// <summary>Says which holes lie outside; to be called when all entries are in.</summary>
    public void Holes()
    {
        if (_holes.Count > 0 && !_hasMember)
        {
            sink.Report(PolicyDiagnostics.NoNetwork, _holes[0].At, $"{Quoted.Value(name)} has only holes and nothing that they are cut out of");
            return;
        }

        foreach (NetworkEntry hole in _holes.Where(hole => !IsInside(hole.Network)))
        {
            sink.Report(PolicyDiagnostics.HoleOutside, hole.At, $"the hole {Quoted.Value(hole.Text)} lies in no network of the list");
        }
    }

    private bool IsInside(IpPrefix hole)
    {
        foreach (int length in _lengths)
        {
            if (length > hole.Length)
            {
                return false;
            }

            if (_included.Contains(IpText.Masked(hole, length)))
            {
                return true;
            }
        }

        return false;
    }

    private void AddName(NetworkEntry entry)
    {
        _hasMember = true;
        if (!_names.Add(entry.Text.TrimEnd('.')))
        {
            sink.Report(PolicyDiagnostics.EntryTwice, entry.At, $"the host name {Quoted.Value(entry.Text)} stands twice in the list");
        }

        // No name of the public tree ends in a number, so this is an address with a slip in it; the product takes it for a name all the same.
        if (char.IsAsciiDigit(entry.Text[^1]) && entry.Text.All(static c => char.IsAsciiDigit(c) || c == '.'))
        {
            sink.Report(PolicyDiagnostics.NumericName, entry.At, $"the entry {Quoted.Value(entry.Text)} is read as a host name, not as an address");
        }
    }

    private void ReportTwice(NetworkEntry entry, NetworkEntry first)
    {
        string message = $"the network {Quoted.Value(entry.Text)} is the same as {Quoted.Value(first.Text)} at line {first.At.Line}";

        // The product takes a bare address for a name and never compares it, so an address beside its own /32 is only clumsy.
        bool hasBareAddress = !entry.Text.Contains('/', StringComparison.Ordinal) || !first.Text.Contains('/', StringComparison.Ordinal);
        bool isHarmless = hasBareAddress && entry.Kind == first.Kind;
        sink.Report(isHarmless ? PolicyDiagnostics.EntryTwice : PolicyDiagnostics.NetworkTwice, entry.At, message);
    }
}
