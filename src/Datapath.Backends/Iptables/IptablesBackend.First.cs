using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables;

/// <content>What comes before the first policy.</content>
public sealed partial class IptablesBackend
{
    /// <summary>
    /// Lets conntrack know who opened the connections that are live, before the first chain judges them. Where another backend judges until
    /// then, chains that drop nothing stand beside it first: what opens while we look is seen to open.
    /// </summary>
    private InstalledRules PrepareFirst(Judged judged, LoweredPolicy lowered, ApplyOptions wanted, InstalledRules before)
    {
        ProbeConnections();
        IReadOnlyCollection<RememberedFlow>? remembered = wanted.Remembered?.Invoke();
        TakeUp(judged, remembered ?? []);
        _marks.Follow(judged.Policy, judged.Places, judged.Host, isFirst: true);
        if (remembered is null)
        {
            return before;
        }

        Converge(before, new PlacedPolicy(PausedPolicy.Of(lowered), 0), fallback: null, lease: null);
        // What was opened after the first look and before conntrack looked, too.
        TakeUp(judged, wanted.Remembered?.Invoke() ?? []);
        _marks.Follow(judged.Policy, judged.Places, judged.Host, isFirst: true);
        return InstalledRules.Read(_names, Variant());
    }

    private void TakeUp(Judged judged, IEnumerable<RememberedFlow> flows) =>
        _marks.TakeUp(judged.Policy, judged.Places, judged.Host, flows.Concat(Guard(() => OlderConnections.OfSockets(judged.Places).ToList())));

    // Also loads what the kernel does not load by itself.
    private void ProbeConnections()
    {
        try
        {
            ConnectionMarks.Probe();
        }
        catch (BackendException)
        {
            Kernel.KernelModules.LoadMissing(Variant());
        }
    }
}
