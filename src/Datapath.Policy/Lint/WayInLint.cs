using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Resolution;

namespace Datapath.Policy.Lint;

/// <summary>Whether anybody can still log in: from no address at all may tcp/22 of the host be opened.</summary>
internal static class WayInLint
{
    private const ushort Ssh = 22;

    public static void Check(DecisionCells cells, RulePlaces places, DiagnosticSink sink)
    {
        int host = cells.Policy.Units.IndexOf(cells.Policy.Units.First(unit => unit.IsHost));
        // Who comes from an excluded network is not judged at all.
        if (cells.TableOf(host) is null || cells.Policy.Profile is { ExcludedNetworks.IsEmpty: false })
        {
            return;
        }
        var deciders = new List<RuleIdentity>();
        foreach (PeerSample peer in cells.Peers.Where(peer => peer.Owner != host))
        {
            Descriptor decided = cells.Decide(host, Direction.Incoming, peer.Address, PortTable.Tcp, Ssh);
            if (decided.Verdict == Verdict.Allow)
            {
                return;
            }
            deciders.Add(cells.RuleOf(decided));
        }
        ResolvedUnit unit = cells.Policy.Units[host];
        string[] names = [.. deciders.CountBy(one => one).OrderByDescending(one => one.Value).Select(one => LintWords.Decider(places, one.Key))];
        sink.Report(LintDiagnostics.NoWayIn, unit.At, $"nobody can open tcp/{Ssh} of the host {Quoted.Value(unit.Name)}: rejected by {LintWords.Few(names)}");
    }
}
