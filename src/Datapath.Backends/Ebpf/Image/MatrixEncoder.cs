using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>Writes the verdict matrix: rows, which peer class has which, who has these, and what a cell stands for.</summary>
internal static class MatrixEncoder
{
    private const int UnitWords = 4;
    private const int DescriptorWords = 4;

    /// <summary>Writes it.</summary>
    /// <param name="lines">Where to.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="rows">The form of its rows; null for the one that suits their size.</param>
    /// <param name="known">Rows that are there already, and how many of the policy's are not; null when none are.</param>
    /// <returns>Where what is.</returns>
    public static EncodedMatrix Encode(ImageLines lines, CompiledPolicy policy, RowForm? rows, KnownRows? known)
    {
        int firstRow = lines.Count;
        uint[] entries;
        RowForm form;
        if (known is null)
        {
            form = RowEncoder.Encode(lines, policy, rows, out entries);
        }
        else
        {
            (form, entries) = (known.Lines.Form, known.Entries);
            uint[] added = RowEncoder.EncodeMore(lines, [.. known.New.Select(row => policy.Rows[row])], policy.Ports.ClassCount, form);
            for (int i = 0; i < added.Length; i++)
            {
                entries[known.New[i]] = added[i];
            }
        }

        int endOfRows = lines.Count;
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
        int ownLines = endOfRows - firstRow;
        long rowBytes = (long)(ownLines + (known?.Lines.Part.Lines ?? 0)) * PolicyImage.LineBytes;
        var layout = new ImageLayout(IPv4Root: 0, IPv6Root: 0, Ports: [], units, unitCount, descriptors, local, known?.Lines.Part.Line ?? firstRow, form, rowBytes);
        return new EncodedMatrix(layout, entries, firstRow, endOfRows);
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

/// <summary>A matrix that was written.</summary>
/// <param name="Layout">Where what begins; lacks addresses and ports.</param>
/// <param name="Entries">For each row what tables of rows say of it.</param>
/// <param name="FirstRow">The line where rows begin.</param>
/// <param name="EndOfRows">The line behind the last row, where everything else begins.</param>
internal sealed record EncodedMatrix(ImageLayout Layout, uint[] Entries, int FirstRow, int EndOfRows);

/// <summary>Rows of a policy that another image has.</summary>
/// <param name="Lines">Those of the other image.</param>
/// <param name="New">Places of the rows that it does not have.</param>
/// <param name="Entries">For each other row what tables of rows say of it.</param>
internal sealed record KnownRows(RowLines Lines, List<int> New, uint[] Entries);
