using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>Lowers a compiled policy to the bytes that <c>bpf/lib/policy.h</c> walks. Pure: no kernel is asked.</summary>
public static class PolicyImageEncoder
{
    private const int PortKeys = 65536;
    private const int ProtocolNumbers = 256;
    private const int UnitWords = 4;
    private const int DescriptorWords = 4;

    /// <summary>Writes the image of a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="rows">The form of its rows; null for the one that suits their size. What cannot be dense is compressed all the same.</param>
    /// <param name="memory">What earlier images of the same owner left; null to start from nothing.</param>
    /// <returns>Equal policies give equal bytes, whatever was remembered.</returns>
    public static PolicyImage Encode(CompiledPolicy policy, RowForm? rows = null, ImageMemory? memory = null) => Encode(policy, rows, memory, place: null);

    /// <summary>The same where the address tries may be in kernel memory already.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="rows">The form of its rows.</param>
    /// <param name="memory">What earlier images left.</param>
    /// <param name="place">
    /// Asked, with tries and about how many lines the rest will take, where the rest has a place beside them in kernel memory, relative to their
    /// first line; answers null when they are not there, or there is no such place.
    /// </param>
    internal static PolicyImage Encode(CompiledPolicy policy, RowForm? rows, ImageMemory? memory, Func<AddressLines, int, int?>? place)
    {
        ArgumentNullException.ThrowIfNull(policy);
        memory ??= new ImageMemory();
        (AddressLines addresses, int? shared, IReadOnlyList<int> changed) = Addresses(policy.Peers, memory, place);
        int first = shared ?? addresses.Lines;
        var lines = new ImageLines(memory.RuleWords, first);
        int ip4Root = changed.Count == 0 ? addresses.IPv4Root : TrieEncoder.Patch(lines, addresses.IPv4RootWords, policy.Peers.IPv4.AsSpan(), changed);
        int[] ports = [.. policy.Ports.Tables.Select((runs, table) => EncodePorts(lines, [.. runs], (PortTable)table))];
        int firstRow = lines.Count;
        RowForm form = RowEncoder.Encode(lines, policy, rows, out uint[] entries);
        long rowBytes = (long)(lines.Count - firstRow) * PolicyImage.LineBytes;
        (int Incoming, int Outgoing)[] tables =
        [
            .. policy.Policies.Select(one =>
                (EncodeRowTable(lines, one.Incoming.AsSpan(), entries), EncodeRowTable(lines, one.Outgoing.AsSpan(), entries))
            ),
        ];
        int unitCount = policy.Units.IsEmpty ? 0 : policy.Units[^1].Number + 1;
        int units = EncodeUnits(lines, policy, tables, unitCount);
        int descriptors = EncodeDescriptors(lines, policy.Descriptors.AsSpan());
        var local = (int)RowEncoder.CellOf(policy.LocalDescriptor);
        var layout = new ImageLayout(
            ip4Root, addresses.IPv6Root, ports, units, unitCount, descriptors, local, firstRow, form, rowBytes
        );
        var image = new PolicyImage(addresses, lines.ToMemory(), first, layout, ContentSum.Of(policy, form)) { IsShared = shared is not null };
        memory.RuleWords = image.Rules.Length;
        return image;
    }

    /// <summary>
    /// The tries that there are, if they are in kernel memory and say the same but below a few slots of a root; else new ones, with the rest
    /// directly behind them.
    /// </summary>
    private static (AddressLines Addresses, int? Shared, IReadOnlyList<int> Changed) Addresses(
        PeerMap peers,
        ImageMemory memory,
        Func<AddressLines, int, int?>? place
    )
    {
        if (place is not null && memory.LastAddresses is { } last && memory.Changed(peers) is { } changed)
        {
            int patch = changed.Count == 0 ? 0 : TrieEncoder.ExpectedPatchLines(changed.Count);
            if (place(last, (memory.RuleWords / PolicyImage.LineWords) + patch) is { } first)
            {
                return (last, first, changed);
            }
        }

        return (memory.Addresses(peers), null, []);
    }

    private static int EncodePorts(ImageLines lines, PortRun[] runs, PortTable table)
    {
        int keys = table == PortTable.Other ? ProtocolNumbers : PortKeys;
        int line = lines.AllocateBytes(keys * sizeof(ushort));
        Span<ushort> classes = lines.HalvesFrom(line);
        for (int i = 0; i < runs.Length; i++)
        {
            int end = i + 1 < runs.Length ? runs[i + 1].First : keys;
            classes[runs[i].First..end].Fill(runs[i].Class);
        }

        return line;
    }

    private static int EncodeRowTable(ImageLines lines, ReadOnlySpan<int> rowOfClass, uint[] entryOfRow)
    {
        int line = lines.AllocateBytes(rowOfClass.Length * sizeof(uint));
        Span<uint> words = lines.WordsFrom(line);
        for (int peerClass = 0; peerClass < rowOfClass.Length; peerClass++)
        {
            words[peerClass] = entryOfRow[rowOfClass[peerClass]];
        }

        return line;
    }

    private static int EncodeUnits(ImageLines lines, CompiledPolicy policy, (int Incoming, int Outgoing)[] tables, int unitCount)
    {
        int line = lines.AllocateBytes((long)unitCount * UnitWords * sizeof(uint));
        Span<uint> words = lines.WordsFrom(line);
        bool[] isMixed = [.. policy.Rows.Select(row => IsMixed(row.Runs, policy.Descriptors.AsSpan()))];
        foreach (LocalUnit unit in policy.Units)
        {
            UnitPolicy one = policy.Policies[unit.Policy];
            Span<uint> at = words.Slice(unit.Number * UnitWords, UnitWords);
            at[0] = (uint)tables[unit.Policy].Incoming;
            at[1] = (uint)tables[unit.Policy].Outgoing;
            at[2] =
                (uint)DpUnitFlags.Present
                | If(one.IncomingPortsMatter, DpUnitFlags.PortsMatterIn)
                | If(one.OutgoingPortsMatter, DpUnitFlags.PortsMatterOut)
                | If(one.Incoming.Any(row => isMixed[row]), DpUnitFlags.ProtocolMattersIn)
                | If(one.Outgoing.Any(row => isMixed[row]), DpUnitFlags.ProtocolMattersOut);
        }

        return line;
    }

    private static uint If(bool condition, DpUnitFlags flag) => condition ? (uint)flag : 0;

    /// <summary>Whether a row holds both verdicts. Built-in allowances aside: nobody is allowed them behind headers that we cannot follow.</summary>
    private static bool IsMixed(ImmutableArray<CellRun> runs, ReadOnlySpan<Descriptor> descriptors)
    {
        Verdict? only = null;
        foreach (CellRun run in runs)
        {
            ref readonly Descriptor one = ref descriptors[run.Cell];
            if (one.Flags.HasFlag(DescriptorFlags.BuiltIn))
            {
                continue;
            }

            if (only is { } verdict && verdict != one.Verdict)
            {
                return true;
            }

            only = one.Verdict;
        }

        return false;
    }

    private static int EncodeDescriptors(ImageLines lines, ReadOnlySpan<Descriptor> descriptors)
    {
        // Cell 0 has none: zeros, which name no rule.
        int line = lines.AllocateBytes((descriptors.Length + 1L) * DescriptorWords * sizeof(uint));
        Span<uint> words = lines.WordsFrom(line);
        for (int i = 0; i < descriptors.Length; i++)
        {
            Span<uint> at = words.Slice((int)RowEncoder.CellOf(i) * DescriptorWords, DescriptorWords);
            at[0] = (uint)descriptors[i].RuleIndex;
            at[1] = (uint)descriptors[i].ObservedRuleIndex;
            Span<byte> bytes = MemoryMarshal.AsBytes(at[2..3]);
            bytes[0] = (byte)descriptors[i].Verdict;
            bytes[1] = (byte)descriptors[i].ObservedVerdict;
            MemoryMarshal.Write(bytes[2..], (ushort)descriptors[i].Flags);
        }

        return line;
    }
}
