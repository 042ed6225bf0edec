using System.Globalization;
using Datapath.Interop.Processes;

namespace Datapath.Lab.Networks;

/// <summary>A network of hosts made of network namespaces and veth pairs; everything it made goes when it is disposed, or with the process.</summary>
/// <remarks>Namespaces are named <c>PREFIX-HOST</c>, so that several labs share a machine and a killed one can be found by its prefix.</remarks>
public sealed class LabNetwork : IAsyncDisposable
{
    private const int LongestPrefix = 24;

    private readonly List<LabHost> _hosts = [];

    /// <summary>An empty network.</summary>
    /// <param name="prefix">Beginning of the names of its namespaces; unique on the machine, at most 24 characters.</param>
    public LabNetwork(string prefix)
    {
        if (prefix.Length > LongestPrefix)
        {
            throw new ArgumentException($"'{prefix}' is longer than {LongestPrefix} characters", nameof(prefix));
        }

        Prefix = prefix;
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
    }

    /// <summary>Beginning of the names of its namespaces.</summary>
    public string Prefix { get; }

    /// <summary>The hosts made so far.</summary>
    public IReadOnlyList<LabHost> Hosts => _hosts;

    /// <summary>A prefix that no other process uses.</summary>
    /// <param name="kind">What the lab is for, a few letters.</param>
    public static string PrefixFor(string kind) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{Environment.ProcessId}");

    /// <summary>Makes a namespace with its loopback up.</summary>
    /// <param name="name">What the lab calls the host.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public async Task<LabHost> AddHostAsync(string name, CancellationToken cancellation = default)
    {
        var host = new LabHost(name, $"{Prefix}-{name}");
        // Remembered first: a namespace whose making was interrupted is deleted too.
        _hosts.Add(host);
        await RunIpAsync(["netns", "add", host.NamespaceName], cancellation);
        await RunIpAsync(["-netns", host.NamespaceName, "link", "set", "lo", "up"], cancellation);
        return host;
    }

    /// <summary>Joins two hosts by a veth pair, both ends up.</summary>
    /// <param name="one">A host.</param>
    /// <param name="interfaceOfOne">Name of its end, at most 15 characters.</param>
    /// <param name="other">The other host.</param>
    /// <param name="interfaceOfOther">Name of the other end.</param>
    /// <param name="cancellation">Stops waiting.</param>
    public static async Task ConnectAsync(
        LabHost one,
        string interfaceOfOne,
        LabHost other,
        string interfaceOfOther,
        CancellationToken cancellation = default
    )
    {
        await RunIpAsync(
            [
                "-netns", one.NamespaceName, "link", "add", interfaceOfOne, "type", "veth",
                "peer", "name", interfaceOfOther, "netns", other.NamespaceName,
            ],
            cancellation
        );
        await RunIpAsync(["-netns", one.NamespaceName, "link", "set", interfaceOfOne, "up"], cancellation);
        await RunIpAsync(["-netns", other.NamespaceName, "link", "set", interfaceOfOther, "up"], cancellation);
    }

    /// <summary>Runs <c>ip</c> and insists that it succeeds.</summary>
    internal static async Task RunIpAsync(IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var output = await CommandRunner.RunAsync("ip", arguments, cancellation: cancellation);
        if (output.ExitCode != 0)
        {
            throw new LabException($"ip {string.Join(' ', arguments)}: {output.StandardError.Trim()}");
        }
    }

    /// <summary>Deletes the namespaces, and with them interfaces, addresses and routes.</summary>
    public async ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        await DeleteNamespacesAsync();
    }

    private async Task DeleteNamespacesAsync()
    {
        foreach (var host in _hosts.Where(host => File.Exists(host.NamespacePath)))
        {
            // Not cancellable: an interrupted lab must go too.
            await RunIpAsync(["netns", "delete", host.NamespaceName], CancellationToken.None);
        }

        _hosts.Clear();
    }

    // A test runner that is told to stop does not dispose what its tests hold.
    private void OnProcessExit(object? sender, EventArgs e) => DeleteNamespacesAsync().GetAwaiter().GetResult();
}
