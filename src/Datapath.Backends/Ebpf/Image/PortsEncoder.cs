using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>Writes the class of each port, ICMP type and code, and protocol, sixteen bits each.</summary>
internal static class PortsEncoder
{
    private const int PortKeys = 65536;
    private const int ProtocolNumbers = 256;

    /// <summary>Lines that every policy takes for it.</summary>
    public static int Lines { get; } = Enum.GetValues<PortTable>().Sum(LinesOf);

    /// <summary>Writes all tables.</summary>
    /// <param name="lines">Where to.</param>
    /// <param name="ports">The tables.</param>
    /// <returns>For each table its first line.</returns>
    public static int[] Encode(ImageLines lines, PortMap ports) => [.. ports.Tables.Select((runs, table) => Encode(lines, runs.AsSpan(), (PortTable)table))];

    private static int Encode(ImageLines lines, ReadOnlySpan<PortRun> runs, PortTable table)
    {
        int line = lines.Allocate(LinesOf(table));
        Span<ushort> classes = lines.HalvesFrom(line)[..KeysOf(table)];
        for (int i = 0; i < runs.Length; i++)
        {
            int end = i + 1 < runs.Length ? runs[i + 1].First : classes.Length;
            classes[runs[i].First..end].Fill(runs[i].Class);
        }

        return line;
    }

    private static int KeysOf(PortTable table) => table == PortTable.Other ? ProtocolNumbers : PortKeys;

    private static int LinesOf(PortTable table) => KeysOf(table) * sizeof(ushort) / PolicyImage.LineBytes;
}
