using Datapath.Backends;
using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Host;

/// <summary>The host behind every kind of device: judged there, once, by the same policy, with real sockets.</summary>
public sealed class DeviceTests : IAsyncLifetime
{
    private const string Host4 = "10.77.0.1";
    private const string Friend4 = "10.77.0.2";
    private const string Stranger4 = "10.77.0.3";
    private const string Host6 = "2001:db8:77::1";
    private const string Friend6 = "2001:db8:77::2";
    private const string Stranger6 = "2001:db8:77::3";

    // The tunnels' own packets are the host's as well: both ends of the network below may say anything.
    private const string Policy = """
        APIVersion: 1
        label: devices
        data:
          namespaces:
            - name: /t
              defaultPUIncomingTrafficAction: Reject
              defaultPUOutgoingTrafficAction: Reject
          processingunits:
            - { name: host, namespace: /t, attach: { host: true } }
          externalnetworks:
            - { name: below, namespace: /t, associatedTags: ["externalnetwork:name=below"], entries: [192.0.2.0/30] }
            - { name: friends, namespace: /t, associatedTags: ["externalnetwork:name=friends"], entries: [10.77.0.2/32, "2001:db8:77::2/128"] }
          networkrulesetpolicies:
            - name: everyone
              namespace: /t
              subject: [["$identity=processingunit"]]
              incomingRules:
                - { action: Allow, object: [["externalnetwork:name=friends"]], protocolPorts: [tcp/80] }
                - { action: Allow, object: [["externalnetwork:name=below"]], protocolPorts: [any] }
              outgoingRules:
                - { action: Allow, object: [["externalnetwork:name=friends"]], protocolPorts: [tcp/443] }
                - { action: Allow, object: [["externalnetwork:name=below"]], protocolPorts: [any] }
        """;

    private HostLab _lab = null!;
    private LabHost _friend = null!;
    private TunPair? _tun;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _lab = await HostLab.CreateAsync();
        _friend = await _lab.AddHostAsync("friend");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _tun?.Dispose();
        await _lab.DisposeAsync();
    }

    [KernelTheory]
    [InlineData("veth", "up0")]
    [InlineData("bridge", "br0")]
    [InlineData("bond", "bond0")]
    [InlineData("vlan", "up0 up0.5")]
    [InlineData("qinq", "up0 up0.5 up0.5.6")]
    [InlineData("macvlan", "mv0 up0")]
    [InlineData("tun", "tun0")]
    [InlineData("vxlan", "tunnel0 up0")]
    [InlineData("geneve", "tunnel0 up0")]
    [InlineData("ipip", "tunnel0 up0")]
    [InlineData("sit", "tunnel0 up0")]
    [InlineData("gre", "tunnel0 up0")]
    public async Task The_host_is_judged_behind(string kind, string places)
    {
        (string own, string others) = await ConnectAsync(kind);
        bool hasIPv4 = kind != "sit";
        bool hasIPv6 = kind != "ipip";
        string[] ownAddresses = [.. hasIPv4 ? [$"{Host4}/24"] : Array.Empty<string>(), .. hasIPv6 ? [$"{Host6}/64"] : Array.Empty<string>()];
        string[] others4 = hasIPv4 ? [$"{Friend4}/24", $"{Stranger4}/24"] : [];
        string[] others6 = hasIPv6 ? [$"{Friend6}/64", $"{Stranger6}/64"] : [];
        HostLab.Address(_lab.Host, own, ownAddresses);
        HostLab.Address(_friend, others, [.. others4, .. others6]);
        ApplyReport report = _lab.Apply(Policy);
        Assert.Equal(places, string.Join(' ', report.Attachments.Select(place => place.Interface).Where(IsOurs).Order(StringComparer.Ordinal)));

        if (hasIPv4)
        {
            await AssertJudgedAsync(Host4, Friend4, Stranger4);
        }

        if (hasIPv6)
        {
            await AssertJudgedAsync(Host6, Friend6, Stranger6);
        }

        Assert.DoesNotContain(_lab.Counters.Drops, drop => drop.Key is DropReason.LinkType or DropReason.BadHeader or DropReason.NoPolicy);
    }

    private async Task AssertJudgedAsync(string host, string friend, string stranger)
    {
        Assert.True(await _lab.ConnectsAsync(_friend, friend, _lab.Host, host, 80, isExpected: true));
        Assert.False(await _lab.ConnectsAsync(_friend, friend, _lab.Host, host, 81, isExpected: false));
        Assert.False(await _lab.ConnectsAsync(_friend, stranger, _lab.Host, host, 80, isExpected: false));
        Assert.True(await _lab.ConnectsAsync(_lab.Host, host, _friend, friend, 443, isExpected: true));
        Assert.False(await _lab.ConnectsAsync(_lab.Host, host, _friend, friend, 444, isExpected: false));

        // One datagram is one judgement, however many devices it crosses.
        Assert.Equal(1, await DropsOfAsync(() => HostLab.SendDatagram(_friend, stranger, host, 9)));
        Assert.Equal(1, await DropsOfAsync(() => Refused(() => HostLab.SendDatagram(_lab.Host, host, friend, 9))));
    }

    /// <summary>Drops by policy that an action causes, once they stay the same: other packets are quiet by then.</summary>
    private async Task<long> DropsOfAsync(Action action)
    {
        long before = await DropsAtRestAsync();
        action();
        return await DropsAtRestAsync() - before;
    }

    private async Task<long> DropsAtRestAsync()
    {
        // A SYN that was given up is not repeated; what comes late is multicast of the kernel, which the built-ins allow.
        long drops = -1;
        for (long now = Drops(); now != drops; now = Drops())
        {
            drops = now;
            await Task.Delay(TimeSpan.FromMilliseconds(150), Token);
        }

        return drops;
    }

    private long Drops() => _lab.Counters.Drops.GetValueOrDefault(DropReason.Policy).Packets;

    private static void Refused(Action send)
    {
        try
        {
            send();
        }
        catch (System.Net.Sockets.SocketException refusal) when (refusal.SocketErrorCode == System.Net.Sockets.SocketError.AccessDenied)
        {
            // A drop at egress is told to the sender.
        }
    }

    // Some modules put fallback devices, such as sit0, into every namespace.
    private static bool IsOurs(string name) => name is not ("sit0" or "tunl0" or "gre0" or "gretap0" or "erspan0" or "ip6tnl0");

    /// <summary>Joins both hosts by a device of a kind; gives the names of both ends, without addresses yet.</summary>
    private async Task<(string Own, string Others)> ConnectAsync(string kind)
    {
        if (kind == "tun")
        {
            _tun = new TunPair(_lab.Host, _friend, "tun0");
            return ("tun0", "tun0");
        }

        await LabNetwork.ConnectAsync(_lab.Host, "up0", _friend, "eth0", Token);
        switch (kind)
        {
            case "veth":
                return ("up0", "eth0");
            case "bridge":
                HostLab.AddDevice(_lab.Host, "br0 type bridge");
                HostLab.Ip(_lab.Host, "link set up0 master br0");
                return ("br0", "eth0");
            case "bond":
                HostLab.AddDevice(_lab.Host, "bond0 type bond mode active-backup miimon 100");
                HostLab.Ip(_lab.Host, "link set up0 down");
                HostLab.Ip(_lab.Host, "link set up0 master bond0");
                return ("bond0", "eth0");
            case "macvlan":
                HostLab.AddDevice(_lab.Host, "mv0 link up0 type macvlan mode bridge");
                return ("mv0", "eth0");
            case "vlan" or "qinq":
                return ConnectVlans(isStacked: kind == "qinq");
            default:
                return ConnectTunnels(kind);
        }
    }

    private (string Own, string Others) ConnectVlans(bool isStacked)
    {
        foreach ((LabHost host, string lower) in (ReadOnlySpan<(LabHost, string)>)[(_lab.Host, "up0"), (_friend, "eth0")])
        {
            HostLab.AddDevice(host, $"{lower}.5 link {lower} type vlan id 5");
            HostLab.Ip(host, $"link set {lower}.5 up");
            if (isStacked)
            {
                HostLab.AddDevice(host, $"{lower}.5.6 link {lower}.5 type vlan id 6");
            }
        }

        return isStacked ? ("up0.5.6", "eth0.5.6") : ("up0.5", "eth0.5");
    }

    private (string Own, string Others) ConnectTunnels(string kind)
    {
        HostLab.Address(_lab.Host, "up0", "192.0.2.1/30");
        HostLab.Address(_friend, "eth0", "192.0.2.2/30");
        foreach ((LabHost host, int here, int there) in (ReadOnlySpan<(LabHost, int, int)>)[(_lab.Host, 1, 2), (_friend, 2, 1)])
        {
            string rest = kind switch
            {
                "vxlan" => $"id 7 dstport 4789 local 192.0.2.{here} remote 192.0.2.{there}",
                "geneve" => $"id 7 remote 192.0.2.{there}",
                _ => $"local 192.0.2.{here} remote 192.0.2.{there}",
            };
            HostLab.AddDevice(host, $"tunnel0 type {kind} {rest}");
        }

        return ("tunnel0", "tunnel0");
    }
}
