using System.Collections.Immutable;
using System.Globalization;
using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <summary>The connections that the kernel tracks in the network namespace of the calling thread (ctnetlink).</summary>
public static partial class Conntrack
{
    private const int Subsystem = 1;
    private const int NewMessage = 0;
    private const int GetMessage = 1;
    private const int DeleteMessage = 2;

    // Of every network namespace; there as long as the module is.
    private const string Settings = "/proc/sys/net/netfilter/nf_conntrack_max";

    // Of the network namespace of whoever reads it.
    private const string Count = "/proc/sys/net/netfilter/nf_conntrack_count";

    /// <summary>How many connections are tracked in this network namespace, and how many there is room for; null when nothing is tracked.</summary>
    public static (long Entries, long Limit)? Usage()
    {
        try
        {
            return (NumberIn(Count), NumberIn(Settings));
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        static long NumberIn(string path) => long.Parse(File.ReadAllText(path), CultureInfo.InvariantCulture);
    }

    /// <summary>Whether anything is tracked on this machine. To ask for the connections where it is not would load the module.</summary>
    public static bool IsLoaded => File.Exists(Settings);

    /// <summary>All of them, both families.</summary>
    /// <exception cref="KernelException">Refused, or the kernel has no nf_conntrack_netlink.</exception>
    public static ImmutableArray<ConntrackEntry> Read()
    {
        var entries = ImmutableArray.CreateBuilder<ConntrackEntry>();
        Read(entries.Add);
        return entries.ToImmutable();
    }

    /// <summary>Hands out all of them, both families, one by one: there may be a million.</summary>
    /// <param name="onEntry">Called for each.</param>
    /// <exception cref="KernelException">Refused, or the kernel has no nf_conntrack_netlink.</exception>
    public static void Read(Action<ConntrackEntry> onEntry)
    {
        ArgumentNullException.ThrowIfNull(onEntry);
        using var socket = new NetfilterSocket();
        socket.Dump(
            NetfilterSocket.Type(Subsystem, GetMessage),
            new AttributeWriter().Body,
            message =>
            {
                if (ConntrackMessages.Entry(message.Body) is { } entry)
                {
                    onEntry(entry);
                }
            }
        );
    }

    /// <summary>Changes bits of the marks of connections; one that is gone meanwhile needs no mark.</summary>
    /// <param name="entries">Which connections.</param>
    /// <param name="value">The bits as they ought to be; 0 outside of <paramref name="mask"/>.</param>
    /// <param name="mask">Which bits; the others stay as they are.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public static void SetMark(IEnumerable<ConntrackEntry> entries, uint value, uint mask)
    {
        ArgumentNullException.ThrowIfNull(entries);
        using var socket = new NetfilterSocket();
        foreach (ConntrackEntry entry in entries)
        {
            AttributeWriter message = new AttributeWriter(entry.Family)
                .Add(ConntrackMessages.OriginalTuple | NestedFlag, entry.Name.AsSpan())
                .AddNumber(ConntrackMessages.ConnectionMark, value)
                .AddNumber(ConntrackMessages.ConnectionMarkMask, mask);
            if (entry.Zone != 0)
            {
                message.Add(ConntrackMessages.ConnectionZone, (byte)(entry.Zone >> 8), (byte)entry.Zone);
            }

            int refusal = socket.Execute(NetfilterSocket.Type(Subsystem, NewMessage), message.Body);
            if (refusal is not (0 or Errno.NoEntry))
            {
                throw new KernelException("mark", $"connection {entry.Original}", refusal);
            }
        }
    }

    // NLA_F_NESTED, which newer kernels insist on.
    private const int NestedFlag = 0x8000;
}
