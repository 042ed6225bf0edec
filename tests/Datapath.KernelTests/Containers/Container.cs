using System.Net;
using Datapath.KernelTests.Agent;
using Datapath.Lab.Networks;

namespace Datapath.KernelTests.Containers;

/// <summary>A container that runs, and what the network plugin gave it.</summary>
/// <param name="Host">Its network namespace.</param>
/// <param name="InterfaceOnHost">The end of its veth pair that the host has.</param>
/// <param name="IPv4">Its IPv4 address.</param>
/// <param name="IPv6">Its IPv6 address.</param>
internal sealed record Container(LabHost Host, string InterfaceOnHost, IPAddress IPv4, IPAddress IPv6)
{
    /// <summary>What containerd calls it.</summary>
    public string Name => Host.Name;

    /// <summary>Its cgroup, as a policy names it.</summary>
    public string CgroupPath { get; init; } = "";

    /// <summary>Both addresses.</summary>
    public IReadOnlyList<IPAddress> Addresses => [IPv4, IPv6];

    /// <summary>As the end of an attempt.</summary>
    public LabEnd End => new(Host, IPv4, IPv6);
}
