using Datapath.Lab.Networks;

namespace Datapath.KernelTests.Sockets;

/// <summary>Settings of a lab host's own network namespace (Documentation/networking/ip-sysctl.rst).</summary>
internal static class KernelSettings
{
    /// <summary>The kernel answers no ping by itself; raw sockets still receive them.</summary>
    public static void SilencePing(this LabHost host)
    {
        host.Set("ipv4/icmp_echo_ignore_all", "1");
        host.Set("ipv6/icmp/echo_ignore_all", "1");
    }

    /// <summary>
    /// TCP sends again only what is missing: no loss probes and no time-based guesses, which a machine that is late provokes without any loss.
    /// </summary>
    public static void RetransmitOnlyLosses(this LabHost host)
    {
        host.Set("ipv4/tcp_early_retrans", "0");
        host.Set("ipv4/tcp_recovery", "0");
    }

    /// <summary>Writes one setting.</summary>
    /// <param name="host">Whose.</param>
    /// <param name="name">Below <c>/proc/sys/net</c>.</param>
    /// <param name="value">What.</param>
    public static void Set(this LabHost host, string name, string value) =>
        host.Run(() =>
        {
            File.WriteAllText(Path.Combine("/proc/sys/net", name), value);
            return true;
        });
}
