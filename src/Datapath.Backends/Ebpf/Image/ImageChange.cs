using System.Collections.Immutable;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf.Image;

/// <summary>What of an image a later policy can take over.</summary>
/// <param name="Addresses">What differs from the address tries of the image, its patch left aside.</param>
/// <param name="KeepsAddresses">Nothing differs from tries and patch together.</param>
/// <param name="KeepsPorts">The classes of ports.</param>
/// <param name="KeepsMatrix">Everything else.</param>
/// <param name="Rows">Where the matrix is not kept: the rows that are; null for none.</param>
internal sealed record ImageChange(AddressDifference Addresses, bool KeepsAddresses, bool KeepsPorts, bool KeepsMatrix, KnownRows? Rows)
{
    /// <summary>Whether another patch is to be written.</summary>
    public bool IsPatched => !KeepsAddresses && Addresses.Slots.Count > 0;

    /// <summary>Compares.</summary>
    /// <param name="live">The image.</param>
    /// <param name="policy">The later policy.</param>
    /// <param name="rows">The form that its rows shall have.</param>
    /// <returns>Null when not even the address tries are of use.</returns>
    public static ImageChange? Between(PolicyImage live, CompiledPolicy policy, RowForm? rows)
    {
        CompiledPolicy before = live.Policy;
        bool keepsAddresses = before.Peers.IPv4 == policy.Peers.IPv4 && before.Peers.IPv6 == policy.Peers.IPv6;
        if ((keepsAddresses ? AddressDifference.None : live.Addresses.DifferenceTo(policy.Peers)) is not { } addresses)
        {
            return null;
        }

        // Cells are counted by port class: other classes are another matrix.
        bool keepsPorts = AreEqual(before.Ports, policy.Ports);
        bool isSameForm = keepsPorts && rows == live.WantedRows;
        bool keepsMatrix = isSameForm && AreEqualMatrices(before, policy);
        return new ImageChange(addresses, keepsAddresses, keepsPorts, keepsMatrix, isSameForm && !keepsMatrix ? RowsIn(live.Rows, policy) : null);
    }

    private static KnownRows? RowsIn(RowLines lines, CompiledPolicy policy)
    {
        bool hasCells = lines.Form == RowForm.Compressed || policy.Descriptors.Length <= RowEncoder.DenseDescriptors;
        return hasCells && lines.FindNew(policy.Rows, out uint[] entries) is { } added ? new KnownRows(lines, added, entries) : null;
    }

    private static bool AreEqual(PortMap one, PortMap other) =>
        ReferenceEquals(one, other)
        || (one.ClassCount == other.ClassCount && one.Tables.Zip(other.Tables).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan())));

    /// <summary>As far as that is known without looking at every row: a compilation gives the same arrays for the same rules.</summary>
    private static bool AreEqualMatrices(CompiledPolicy one, CompiledPolicy other) =>
        one.Rows == other.Rows
        && one.Descriptors == other.Descriptors
        && one.LocalDescriptor == other.LocalDescriptor
        && one.Policies.AsSpan().SequenceEqual(other.Policies.AsSpan())
        && Numbers(one.Units).SequenceEqual(Numbers(other.Units));

    private static IEnumerable<(int Number, int Policy)> Numbers(ImmutableArray<LocalUnit> units) => units.Select(unit => (unit.Number, unit.Policy));
}
