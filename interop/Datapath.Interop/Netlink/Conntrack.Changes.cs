using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <content>Connections that somebody else knows of.</content>
public static partial class Conntrack
{
    /// <summary>Adds a connection that the kernel has not seen begin. Its TCP windows are not checked: nobody knows where they are.</summary>
    /// <param name="entry">The connection, answers and mark included; in zone 0.</param>
    /// <param name="lifetime">Silence after which it is forgotten, until its next packet.</param>
    /// <returns>False when there is one already with either of its tuples.</returns>
    /// <exception cref="KernelException">Refused.</exception>
    public static bool TryAdd(ConntrackEntry entry, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(entry);
        using var socket = new NetfilterSocket();
        int refusal = socket.Execute(NetfilterSocket.Type(Subsystem, NewMessage), ConntrackMessages.NewEntry(entry, lifetime), creates: true);
        return refusal switch
        {
            0 => true,
            Errno.Exists => false,
            _ => throw new KernelException("add", $"connection {entry.Original}", refusal),
        };
    }

    /// <summary>Takes a connection away; one that is gone meanwhile is well gone.</summary>
    /// <param name="entry">The connection.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public static void Remove(ConntrackEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        using var socket = new NetfilterSocket();
        int refusal = socket.Execute(NetfilterSocket.Type(Subsystem, DeleteMessage), ConntrackMessages.NameOf(entry));
        if (refusal is not (0 or Errno.NoEntry))
        {
            throw new KernelException("remove", $"connection {entry.Original}", refusal);
        }
    }
}
