using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Datapath.Interop.Processes;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Containers;

/// <summary>A network of CNI's plugin <c>ptp</c>: a veth pair between host and container, and routes.</summary>
/// <remarks>Called as a container runtime calls it: github.com/containernetworking/cni, SPEC.md, section 2.</remarks>
/// <param name="directory">For its notes.</param>
/// <param name="number">Which 10.N.0.0/24 and 2001:db8:N::/64 it has.</param>
internal sealed class PtpNetwork(string directory, int number)
{
    private readonly string _configuration = string.Create(
        CultureInfo.InvariantCulture,
        $$$"""
        {
          "cniVersion": "1.0.0",
          "name": "dpk{{{number}}}",
          "type": "ptp",
          "ipam": {
            "type": "host-local",
            "dataDir": "{{{directory}}}",
            "ranges": [[{ "subnet": "10.{{{number}}}.0.0/24" }], [{ "subnet": "2001:db8:{{{number}}}::/64" }]],
            "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]
          }
        }
        """
    );

    /// <summary>Joins a container with its host.</summary>
    /// <param name="router">The host.</param>
    /// <param name="host">Network namespace of the container.</param>
    public async Task<Container> AddAsync(LabHost router, LabHost host)
    {
        using JsonDocument result = JsonDocument.Parse(await CallAsync("ADD", router, host));
        JsonElement root = result.RootElement;
        IPAddress[] addresses = [.. root.GetProperty("ips").EnumerateArray().Select(ip => IPAddress.Parse(ip.GetProperty("address").GetString()!.Split('/')[0]))];
        return new Container(
            host,
            root.GetProperty("interfaces").EnumerateArray().Select(one => one.GetProperty("name").GetString()!).Single(name => name != "eth0"),
            Assert.Single(addresses, one => one.AddressFamily == AddressFamily.InterNetwork),
            Assert.Single(addresses, one => one.AddressFamily == AddressFamily.InterNetworkV6)
        );
    }

    /// <summary>Parts them.</summary>
    public Task RemoveAsync(LabHost router, Container container) => CallAsync("DEL", router, container.Host);

    private async Task<string> CallAsync(string command, LabHost router, LabHost host)
    {
        string[] environment = [$"CNI_COMMAND={command}", $"CNI_CONTAINERID={host.NamespaceName}", $"CNI_NETNS={host.NamespacePath}", "CNI_IFNAME=eth0", $"CNI_PATH={ContainerPrograms.Cache}"];
        CommandResult result = await CommandRunner.RunAsync("nsenter", [$"--net={router.NamespacePath}", "env", .. environment, ContainerPrograms.PathOf("ptp")], _configuration);
        Assert.True(result.ExitCode == 0, $"CNI {command}: {result.StandardOutput}{result.StandardError}");
        return result.StandardOutput;
    }
}
