using System.Globalization;
using System.Net;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Datapath.Lab.Probes;
using Xunit;

namespace Datapath.KernelTests.Agent;

/// <summary>
/// The router of <c>examples/three-tier</c> as a host of its own: its network namespace, and a mount namespace in which /etc, /usr/local, /var/lib,
/// /run/datapath and the bpf file system are its own. A shell runs one line after the other there, each when it is told to.
/// </summary>
internal sealed class WalkThroughHost : IAsyncDisposable
{
    /// <summary>Address of the host itself.</summary>
    public const string Router = "192.0.2.1";

    private const string Web = "10.0.1.2";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan PatienceForNothing = TimeSpan.FromMilliseconds(900);
    private static int _count;

    // What a host has of its own: lower and upper directories become one (overlayfs).
    private const string Mounts = """
        set -e
        mount -t tmpfs none "$1/own"
        for place in etc usr/local var/lib; do
            mkdir -p "$1/own/$place" "$1/own/work/$place"
            mount -t overlay none -o "lowerdir=/$place,upperdir=$1/own/$place,workdir=$1/own/work/$place" "/$place"
        done
        mkdir -p /run/datapath
        mount -t tmpfs none /run/datapath
        mount -t bpf none /sys/fs/bpf
        exec bash "$1/lines"

        """;

    private readonly LabNetwork _network;
    private readonly LabHost _router;
    private readonly LabHost _outside;
    private readonly string _work = Directory.CreateTempSubdirectory("dpk-").FullName;
    private readonly bool _enableEbpf;
    private readonly List<EchoServer> _servers = [];
    private RunningCommand? _shell;
    private int _line;

    private WalkThroughHost(LabNetwork network, LabHost router, LabHost outside, bool enableEbpf) =>
        (_network, _router, _outside, _enableEbpf) = (network, router, outside, enableEbpf);

    /// <summary>The root of this repository.</summary>
    public static string Repository { get; } = Above(AppContext.BaseDirectory);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Makes it.</summary>
    /// <param name="enableEbpf">Whether the environment asks for eBPF.</param>
    public static async Task<WalkThroughHost> CreateAsync(bool enableEbpf)
    {
        var network = new LabNetwork(string.Create(CultureInfo.InvariantCulture, $"dpw-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}"));
        try
        {
            LabHost router = await network.AddHostAsync("router", Token);
            LabHost web = await network.AddHostAsync("web", Token);
            LabHost outside = await network.AddHostAsync("client", Token);
            router.Forward();
            await JoinAsync(router, "web0", "10.0.1.1", web, Web);
            await JoinAsync(router, "up0", Router, outside, "192.0.2.10", "192.0.2.70");
            var host = new WalkThroughHost(network, router, outside, enableEbpf);
            host._servers.Add(EchoServer.StartTcp(web, IPAddress.Parse(Web), 443));
            host._servers.Add(EchoServer.StartTcp(router, IPAddress.Parse(Router), 443));
            return host;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the shell; it waits before each line.</summary>
    public void Begin(IReadOnlyList<string> lines)
    {
        Directory.CreateDirectory(Path.Combine(_work, "own"));
        Directory.CreateDirectory(Path.Combine(_work, "bin"));
        Directory.CreateDirectory(Path.Combine(_work, "here/out"));
        File.CreateSymbolicLink(Path.Combine(_work, "here/out/datapath"), KernelTestPaths.Agent);
        File.CreateSymbolicLink(Path.Combine(_work, "here/examples"), Path.Combine(Repository, "examples"));
        // Root already.
        string sudo = Path.Combine(_work, "bin/sudo");
        File.WriteAllText(sudo, "#!/bin/sh\nexec \"$@\"\n");
        File.SetUnixFileMode(sudo, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllText(Path.Combine(_work, "mounts"), Mounts);
        File.WriteAllText(Path.Combine(_work, "lines"), Script(lines));
        string[] variables = [$"PATH={_work}/bin:/usr/sbin:/sbin:/usr/bin:/bin:{Environment.GetEnvironmentVariable("PATH")}", $"DATAPATH_ENABLE_EBPF={(_enableEbpf ? 1 : 0)}"];
        _shell = RunningCommand.Start(
            "nsenter",
            [$"--net={_router.NamespacePath}", "env", .. variables, "unshare", "--mount", "--propagation", "private", "--kill-child", "--fork", "--pid", "--mount-proc", "bash", Path.Combine(_work, "mounts"), _work]
        );
    }

    /// <summary>Lets the shell run its next line.</summary>
    /// <returns>How it ended, and all that it said.</returns>
    public async Task<(int Exit, string Said)> NextAsync(string line)
    {
        string number = _line++.ToString(CultureInfo.InvariantCulture);
        File.WriteAllText(Path.Combine(_work, $"go.{number}"), "");
        string ended = Path.Combine(_work, $"ended.{number}");
        await UntilAsync(() => Task.FromResult(File.Exists(ended)), $"the line did not end: {line}");
        return (int.Parse(File.ReadAllText(ended), CultureInfo.InvariantCulture), File.ReadAllText(Path.Combine(_work, $"said.{number}")));
    }

    /// <summary>Waits until the agent enforces.</summary>
    public Task UntilItRunsAsync() => UntilAsync(async () => (await AskAsync("status")).Contains("enforcing", StringComparison.Ordinal), "the agent does not run");

    /// <summary>Waits until a record names something.</summary>
    public Task UntilRecordedAsync(string what) =>
        UntilAsync(async () => (await AskAsync("flows", "--since", "5m")).Contains(what, StringComparison.Ordinal), $"no record names {what}");

    /// <summary>Whether web, or somebody else, answers somebody outside.</summary>
    /// <param name="who"><c>client</c> or <c>guest</c>.</param>
    /// <param name="port">The port.</param>
    /// <param name="address">Whose; null for web's.</param>
    public async Task<bool> IsAnsweredAsync(string who, ushort port, string? address = null)
    {
        var source = IPAddress.Parse(who == "guest" ? "192.0.2.70" : "192.0.2.10");
        // Nothing comes of what is denied; what is allowed may take its time on a busy machine.
        foreach (TimeSpan patience in (TimeSpan[])[PatienceForNothing, PatienceForNothing, PatienceForNothing])
        {
            if ((await new TcpProbe(_outside, source, IPAddress.Parse(address ?? Web), port, patience).RunAsync(Token)).Outcome == ProbeOutcome.Answered)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What is left in the host's files and kernel.</summary>
    public async Task<string[]> TracesAsync()
    {
        string find = "find /etc /usr/local /var/lib /run/datapath /sys/fs/bpf -name '*datapath*' -not -path '/run/datapath'; grep ^datapath: /etc/group; iptables-save; ip6tables-save; ipset list -name; tc filter show dev up0 ingress; tc filter show dev web0 egress";
        string text = (await InsideAsync("sh", "-c", find)).StandardOutput;
        return [.. text.Split('\n').Where(line => line.Contains("datapath", StringComparison.Ordinal) || line.Contains("dp.", StringComparison.Ordinal) || line.Contains("dp_", StringComparison.Ordinal))];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await using LabNetwork network = _network;
        if (_shell is not null)
        {
            // Its process namespace ends with it, and everything in there.
            await _shell.DisposeAsync();
        }

        foreach (EchoServer server in _servers)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(_work, recursive: true);
    }

    private string Script(IReadOnlyList<string> lines) =>
        $"cd {_work}/here\n"
        + string.Concat(
            lines.Select((line, number) =>
                $"while [ ! -e {_work}/go.{number} ]; do sleep 0.05; done\nexec >{_work}/said.{number} 2>&1\n{line}\necho $? >{_work}/ended.new; mv {_work}/ended.new {_work}/ended.{number}\n"
            )
        )
        + "sleep infinity\n";

    private async Task<string> AskAsync(params string[] command) => (await InsideAsync([Path.Combine(_work, "here/out/datapath"), .. command])).StandardOutput;

    private async Task<CommandResult> InsideAsync(params string[] command) =>
        await CommandRunner.RunAsync("nsenter", [$"--net={_router.NamespacePath}", $"--mount=/proc/{ShellId()}/ns/mnt", $"--pid=/proc/{ShellId()}/ns/pid", .. command], timeout: Patience, cancellation: Token);

    // nsenter became env, became unshare, whose child is the shell.
    private string ShellId() => File.ReadAllText($"/proc/{_shell!.Id}/task/{_shell.Id}/children").Split(' ')[0];

    private string Said() => string.Concat(Directory.EnumerateFiles(_work, "said.*").Order(StringComparer.Ordinal).Select(path => $"--- {Path.GetFileName(path)}\n{File.ReadAllText(path)}"));

    private async Task UntilAsync(Func<Task<bool>> isSo, string otherwise)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience && !_shell!.HasExited, $"{otherwise}\n{string.Join('\n', _shell!.Output)}\n{Said()}");
            await Task.Delay(100, Token);
        }
    }

    private static async Task JoinAsync(LabHost router, string name, string gateway, LabHost other, params string[] addresses)
    {
        await LabNetwork.ConnectAsync(router, name, other, "eth0", Token);
        await router.AddAddressAsync(name, IPAddress.Parse(gateway), 24, Token);
        foreach (string address in addresses)
        {
            await other.AddAddressAsync("eth0", IPAddress.Parse(address), 24, Token);
        }

        await other.AddDefaultRouteAsync(IPAddress.Parse(gateway), Token);
    }

    private static string Above(string path) => File.Exists(Path.Combine(path, "Datapath.sln")) ? path : Above(Path.GetDirectoryName(path)!);
}
