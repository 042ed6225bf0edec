using System.Collections.Immutable;

namespace Datapath.Policy.Compilation;

/// <summary>An inclusive run of keys of one port table.</summary>
/// <param name="Table">What the keys mean.</param>
/// <param name="First">The lowest key.</param>
/// <param name="Last">The highest key; not below <paramref name="First"/>.</param>
public readonly record struct PortSpan(PortTable Table, ushort First, ushort Last)
{
    /// <summary>The highest key of a table.</summary>
    /// <param name="table">Which.</param>
    public static ushort LastKey(PortTable table) => table == PortTable.Other ? byte.MaxValue : ushort.MaxValue;

    /// <summary>The same keys in as few runs as possible, ascending by table and key.</summary>
    /// <param name="spans">In any order; none overlaps another.</param>
    public static ImmutableArray<PortSpan> Join(IEnumerable<PortSpan> spans)
    {
        var joined = ImmutableArray.CreateBuilder<PortSpan>();
        foreach (PortSpan span in spans.OrderBy(one => one.Table).ThenBy(one => one.First))
        {
            if (joined.Count > 0 && joined[^1] is var before && before.Table == span.Table && before.Last + 1 == span.First)
            {
                joined[^1] = before with { Last = span.Last };
            }
            else
            {
                joined.Add(span);
            }
        }
        return joined.ToImmutable();
    }

    /// <summary>The keys of one set that are in another too.</summary>
    /// <param name="left">As <see cref="Join"/> gives it.</param>
    /// <param name="right">Likewise.</param>
    public static ImmutableArray<PortSpan> Intersect(ImmutableArray<PortSpan> left, ImmutableArray<PortSpan> right) =>
        [
            .. left.SelectMany(one =>
                right
                    .Where(other => other.Table == one.Table && other.First <= one.Last && one.First <= other.Last)
                    .Select(other => new PortSpan(one.Table, Math.Max(one.First, other.First), Math.Min(one.Last, other.Last)))
            ),
        ];

    /// <summary>The keys of one set that are not in another.</summary>
    /// <param name="left">As <see cref="Join"/> gives it.</param>
    /// <param name="right">Likewise.</param>
    public static ImmutableArray<PortSpan> Subtract(ImmutableArray<PortSpan> left, ImmutableArray<PortSpan> right)
    {
        var rest = ImmutableArray.CreateBuilder<PortSpan>();
        foreach (PortSpan one in left)
        {
            int next = one.First;
            foreach (PortSpan hole in right.Where(other => other.Table == one.Table && other.First <= one.Last && one.First <= other.Last))
            {
                if (hole.First > next)
                {
                    rest.Add(new PortSpan(one.Table, (ushort)next, (ushort)(hole.First - 1)));
                }
                next = hole.Last + 1;
            }
            if (next <= one.Last)
            {
                rest.Add(new PortSpan(one.Table, (ushort)next, one.Last));
            }
        }
        return rest.ToImmutable();
    }
}

/// <summary>A run of a <see cref="PortMap"/> with both its ends.</summary>
/// <param name="Span">The keys.</param>
/// <param name="Class">Their port class.</param>
public readonly record struct PortSegment(PortSpan Span, ushort Class)
{
    /// <summary>Every run, by table and key.</summary>
    /// <param name="ports">The map.</param>
    public static ImmutableArray<PortSegment> Of(PortMap ports)
    {
        ArgumentNullException.ThrowIfNull(ports);
        var segments = ImmutableArray.CreateBuilder<PortSegment>();
        for (int table = 0; table < ports.Tables.Length; table++)
        {
            ImmutableArray<PortRun> runs = ports.Tables[table];
            for (int i = 0; i < runs.Length; i++)
            {
                int last = i + 1 < runs.Length ? runs[i + 1].First - 1 : PortSpan.LastKey((PortTable)table);
                segments.Add(new PortSegment(new PortSpan((PortTable)table, runs[i].First, (ushort)last), runs[i].Class));
            }
        }
        return segments.ToImmutable();
    }
}
