using Datapath.Interop.Libc;

namespace Datapath.Interop.Netlink;

/// <content>Whether the kernel counts what connections carry.</content>
public static partial class Conntrack
{
    // Of the network namespace of whoever reads or writes it. Connections that were tracked before have no counters.
    private const string Accounting = "/proc/sys/net/netfilter/nf_conntrack_acct";

    /// <summary>Whether packets and bytes of new connections are counted (net.netfilter.nf_conntrack_acct); false when nothing is tracked.</summary>
    public static bool CountsTraffic => File.Exists(Accounting) && File.ReadAllText(Accounting).Trim() != "0";

    /// <summary>Sets that.</summary>
    /// <param name="counts">Whether they are counted from now on.</param>
    /// <exception cref="KernelException">Refused.</exception>
    public static void SetCountsTraffic(bool counts)
    {
        try
        {
            File.WriteAllText(Accounting, counts ? "1" : "0");
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            throw new KernelException("write", Accounting, refusal is FileNotFoundException or DirectoryNotFoundException ? Errno.NoEntry : Errno.NotPermitted);
        }
    }
}
