using System.Globalization;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Containers;

/// <summary>A containerd of our own, and the containers that it runs from a root of our own: no image, no registry.</summary>
/// <remarks>
/// It has a mount namespace, in which <c>/sys/fs/cgroup</c> is the unified hierarchy whatever the machine has there, and a process namespace, with which
/// shims and containers go however it ends.
/// </remarks>
internal sealed class Containerd : IAsyncDisposable
{
    private const string Perl = "/usr/bin/perl";
    private const string Script = "/echo.pl";

    // cgroup v1 is no matter of runc's where it sees the unified hierarchy.
    private const string Start = "mount -t cgroup2 none /sys/fs/cgroup && exec containerd --config \"$0\"";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(50);

    private readonly string _directory;
    private readonly LabCgroup _cgroup;
    private readonly RunningCommand _daemon;
    private readonly List<(LabHost Router, PtpNetwork Network, Container Container)> _containers = [];
    private int _attempts;

    private Containerd(string directory, RunningCommand daemon) =>
        (_directory, _cgroup, _daemon) = (directory, LabCgroup.CreateForProcesses(), daemon);

    /// <summary>Path of the cgroup that has those of all containers in it.</summary>
    public string CgroupPath => _cgroup.Path;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Socket => $"{_directory}/containerd.sock";

    /// <summary>Starts it and waits until it answers.</summary>
    public static async Task<Containerd> StartAsync()
    {
        string directory = Directory.CreateTempSubdirectory("dpk-ctr-").FullName;
        MakeRoot($"{directory}/rootfs");
        string configuration = $"{directory}/config.toml";
        await File.WriteAllTextAsync(
            configuration,
            $"""
            version = 2
            root = "{directory}/root"
            state = "{directory}/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [debug]
            level = "warn"
            [grpc]
            address = "{directory}/containerd.sock"
            """,
            Token
        );
        string[] inNamespaces = ["unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child", "--mount-proc"];
        string path = $"PATH={ContainerPrograms.Cache}:{Environment.GetEnvironmentVariable("PATH")}";
        Containerd containerd = new(directory, RunningCommand.Start("env", [path, .. inNamespaces, "sh", "-c", Start, configuration]));
        try
        {
            await containerd.UntilReadyAsync();
            return containerd;
        }
        catch
        {
            await containerd.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a container with an interface of its own, which serves what is wanted from it.</summary>
    /// <param name="router">The host that it runs on.</param>
    /// <param name="host">A network namespace for it.</param>
    /// <param name="ports">Such as <c>tcp/80</c>.</param>
    public async Task<Container> RunAsync(LabHost router, LabHost host, params IReadOnlyList<string> ports)
    {
        var network = new PtpNetwork($"{_directory}/cni", number: 80 + _containers.Count);
        Container container = await network.AddAsync(router, host) with { CgroupPath = $"{_cgroup.Path}/{host.Name}" };
        _containers.Add((router, network, container));
        string[] isolation = ["--cgroup", container.CgroupPath, "--cpu-shares", "0", "--with-ns", $"network:{host.NamespacePath}"];
        string[] root = ["--mount", "type=bind,src=/usr,dst=/usr,options=rbind:ro", "--rootfs", $"{_directory}/rootfs"];
        IEnumerable<string> served = from port in ports from address in container.Addresses select $"{address},{port.Replace('/', ',')}";
        await CtrAsync(["run", "--detach", "--null-io", "--runc-root", $"{_directory}/runc", .. isolation, .. root, host.Name, Perl, Script, "serve", .. served]);
        return container;
    }

    /// <summary>Makes attempts from inside a container, all at once.</summary>
    /// <param name="container">Which.</param>
    /// <param name="places">Each address, protocol and port, and how many seconds to wait.</param>
    /// <returns>For each whether it was answered.</returns>
    public async Task<IReadOnlyList<bool>> TryAsync(Container container, IEnumerable<string> places)
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"try-{++_attempts}");
        string answer = await CtrAsync(["task", "exec", "--exec-id", id, "--fifo-dir", $"{_directory}/fifo", container.Name, Perl, Script, "try", .. places]);
        return [.. answer.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line == "answered")];
    }

    /// <summary>Ends a container, and with it its cgroup.</summary>
    /// <param name="container">Which.</param>
    public async Task EndAsync(Container container) => await CtrAsync(["task", "delete", "--force", container.Name]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach ((LabHost router, PtpNetwork network, Container container) in _containers)
            {
                await network.RemoveAsync(router, container);
            }
        }
        finally
        {
            await _daemon.DisposeAsync();
            _cgroup.Dispose();
            Directory.Delete(_directory, recursive: true);
        }
    }

    // A root that has the machine's programs, and nothing else of it.
    private static void MakeRoot(string root)
    {
        foreach (string directory in (string[])["usr", "proc", "sys", "dev", "run", "tmp", "etc"])
        {
            Directory.CreateDirectory($"{root}/{directory}");
        }

        foreach (string link in (string[])["bin", "sbin", "lib", "lib64"])
        {
            File.CreateSymbolicLink($"{root}/{link}", $"usr/{link}");
        }

        File.Copy(Path.Combine(KernelTestPaths.Repository, "tests/Datapath.KernelTests/Containers/echo.pl"), root + Script);
    }

    private async Task UntilReadyAsync()
    {
        long start = TimeProvider.System.GetTimestamp();
        while ((await RunCtrAsync(["version"])).ExitCode != 0)
        {
            Assert.False(_daemon.HasExited, string.Join('\n', _daemon.Output));
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, string.Join('\n', _daemon.Output));
            await Task.Delay(BetweenQuestions, Token);
        }
    }

    private async Task<string> CtrAsync(IReadOnlyList<string> arguments)
    {
        CommandResult result = await RunCtrAsync(arguments);
        Assert.True(result.ExitCode == 0, $"ctr {string.Join(' ', arguments)}: {result.StandardError}\n{string.Join('\n', _daemon.Output)}");
        return result.StandardOutput;
    }

    private Task<CommandResult> RunCtrAsync(IReadOnlyList<string> arguments) =>
        CommandRunner.RunAsync(ContainerPrograms.PathOf("ctr"), ["--address", Socket, .. arguments], timeout: Patience, cancellation: Token);
}
