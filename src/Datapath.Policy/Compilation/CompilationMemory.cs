using Datapath.Policy.Compilation.Passes;

namespace Datapath.Policy.Compilation;

/// <summary>
/// What one compilation leaves for the next, so that a change costs what it touches: swept networks, port classes, painted rows. It
/// changes how long a compilation takes and never what comes out of it.
/// </summary>
/// <remarks>Written by every compilation that it is given to: one owner, one compilation at a time.</remarks>
public sealed class CompilationMemory
{
    // Rules that nobody has any more are forgotten by starting over, before they outgrow those in use.
    private const int GarbageFactor = 4;
    private const int SmallestLimit = 1 << 14;

    internal RuleCatalog Catalog { get; private set; } = new();

    internal PortLists PortLists { get; private set; } = new();

    internal NumberedRules Numbered { get; private set; } = new();

    internal NetworkSweep? Sweep { get; set; }

    internal PeerClasses? Peers { get; set; }

    internal PortClasses? Ports { get; private set; }

    internal RowMemory Rows { get; private set; } = new();

    internal CompilationTrace? Last { get; set; }

    /// <summary>Takes note of the port classes: rows that were painted for other ones are worth nothing.</summary>
    internal void Enter(PortClasses ports)
    {
        if (!ReferenceEquals(Ports, ports))
        {
            Ports = ports;
            Rows = new RowMemory();
        }
    }

    /// <summary>Starts over when most of what is kept is of no use.</summary>
    /// <param name="usedRules">Rules that this compilation had.</param>
    /// <param name="usedRows">Rows that this compilation had.</param>
    internal void Prune(int usedRules, int usedRows)
    {
        if (Catalog.Count > Limit(usedRules) || PortLists.ArrayCount > Limit(usedRules) || Rows.Count > Limit(usedRows))
        {
            Catalog = new RuleCatalog();
            Numbered = new NumberedRules();
            PortLists = new PortLists();
            Ports = null;
            Rows = new RowMemory();
        }
    }

    private static int Limit(int used) => Math.Max(SmallestLimit, GarbageFactor * used);
}
