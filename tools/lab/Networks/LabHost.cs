using System.Net;
using Datapath.Interop.Libc;

namespace Datapath.Lab.Networks;

/// <summary>One host of a lab: a network namespace.</summary>
/// <param name="name">What the lab calls it.</param>
/// <param name="namespaceName">What <c>ip netns</c> calls it.</param>
public sealed class LabHost(string name, string namespaceName)
{
    /// <summary>What the lab calls it.</summary>
    public string Name { get; } = name;

    /// <summary>What <c>ip netns</c> calls it.</summary>
    public string NamespaceName { get; } = namespaceName;

    /// <summary>The file that stands for the namespace.</summary>
    public string NamespacePath => $"/run/netns/{NamespaceName}";

    /// <summary>Directory of a threaded cgroup that sockets are made in; null for that of the process.</summary>
    public string? CgroupPath { get; private init; }

    /// <summary>The same host; sockets made by it are of a cgroup.</summary>
    /// <param name="cgroupPath">Directory of a threaded cgroup below that of this process.</param>
    public LabHost InCgroup(string cgroupPath) => new(Name, NamespaceName) { CgroupPath = cgroupPath };

    /// <summary>Gives an interface an address, usable at once: duplicate address detection would hold an IPv6 one back for a second.</summary>
    /// <param name="interfaceName">The interface.</param>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Length of the network's prefix in bits.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public Task AddAddressAsync(string interfaceName, IPAddress address, int prefixLength, CancellationToken cancellation = default)
    {
        List<string> arguments = ["-netns", NamespaceName, "address", "add", $"{address}/{prefixLength}", "dev", interfaceName];
        if (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            arguments.Add("nodad");
        }

        return LabNetwork.RunIpAsync(arguments, cancellation);
    }

    /// <summary>Sends everything that is not on a link of its own to a router.</summary>
    /// <param name="gateway">Address of the router; decides the family.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public Task AddDefaultRouteAsync(IPAddress gateway, CancellationToken cancellation = default) =>
        LabNetwork.RunIpAsync(["-netns", NamespaceName, "route", "add", "default", "via", gateway.ToString()], cancellation);

    /// <summary>Runs <c>ip</c> in the namespace; it must succeed.</summary>
    /// <param name="arguments">Of ip, such as <c>link set eth0 mtu 1300</c>.</param>
    public Task IpAsync(params IReadOnlyList<string> arguments) =>
        LabNetwork.RunIpAsync(["-netns", NamespaceName, .. arguments], CancellationToken.None);

    /// <summary>Lets it forward packets of both families.</summary>
    public void Forward() =>
        NetworkNamespace.Run(
            NamespacePath,
            () =>
            {
                File.WriteAllText("/proc/sys/net/ipv4/conf/all/forwarding", "1");
                File.WriteAllText("/proc/sys/net/ipv6/conf/all/forwarding", "1");
            }
        );

    /// <summary>Does something inside the namespace, on a thread of its own; sockets made there stay there.</summary>
    /// <typeparam name="T">What it gives.</typeparam>
    /// <param name="action">What to do; must not await.</param>
    public T Run<T>(Func<T> action)
    {
        using var here = NetworkNamespace.OpenNamed(NamespaceName);
        return here.Run(() =>
        {
            if (CgroupPath is not null)
            {
                // 0 is the thread that writes. It ends with the action, and leaves the cgroup so.
                File.WriteAllText(Path.Combine(CgroupPath, "cgroup.threads"), "0");
            }

            return action();
        });
    }
}
