using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Datapath.Interop.Processes;
using Datapath.KernelTests.Agent;
using Datapath.Lab.Agents;
using Xunit;

namespace Datapath.KernelTests.Iptables;

/// <summary>
/// Kills the executable between two of the programs that it runs: each of them is a script first, which counts, and at the chosen one kills
/// whoever called it and does nothing. And asks packets by which policy they are judged.
/// </summary>
internal sealed class CommandFaults
{
    private const int KilledBySignal = 128 + 9;

    // Allowed by the old and the new policy: what was sent before it has arrived, or never will.
    private const ushort Marker = 90;

    // CI tries a spread of all the commands that begins at another place each time.
    private const int Tries = 4;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // Two looks of the agent's at its rules, three seconds apart.
    private static readonly TimeSpan TimeOfLastLooks = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan Stragglers = TimeSpan.FromMilliseconds(50);
    private static readonly string[] Programs =
    [
        .. from tool in (string[])["iptables", "ip6tables"] from variant in (string[])["nft", "legacy"] from verb in (string[])["save", "restore"] select $"{tool}-{variant}-{verb}",
        "ipset", "setsid", "modprobe",
    ];

    private readonly AgentLab _lab;
    private readonly string _scripts;

    public CommandFaults(AgentLab lab)
    {
        _lab = lab;
        _scripts = Directory.CreateDirectory(Path.Combine(lab.Site.WorkPath, "scripts")).FullName;
        foreach (string program in Programs)
        {
            string script = Path.Combine(_scripts, program);
            File.WriteAllText(script, Script(program));
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string CountPath => Path.Combine(_scripts, "count");

    private string SwitchPath => Path.Combine(_scripts, "on");

    /// <summary>Programs that were run, or were not because of us, since it counts.</summary>
    public int Count => File.Exists(CountPath) ? File.ReadAllLines(CountPath).Length : 0;

    /// <summary>How often it was killed before a program, and not after the last.</summary>
    public int Killed { get; private set; }

    /// <summary>Before which programs it is killed; says how many of how many.</summary>
    /// <param name="what">What is killed.</param>
    /// <param name="commands">How many programs it runs.</param>
    public static ImmutableArray<int> Chosen(string what, int commands)
    {
        bool all = Environment.GetEnvironmentVariable("DATAPATH_FAULTS") == "all";
        ImmutableArray<int> chosen =
            all ? [.. Enumerable.Range(1, commands)] : [.. Enumerable.Range(0, Tries).Select(one => 1 + Random.Shared.Next(commands * one / Tries, commands * (one + 1) / Tries))];
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: killed before program {string.Join(' ', chosen)}; ran {chosen.Length} of {commands}");
        return chosen;
    }

    /// <summary>Counts from now on, and kills before one of the programs.</summary>
    /// <param name="at">Which, from 1; 0 for none.</param>
    public void Arm(int at)
    {
        File.Delete(CountPath);
        File.WriteAllText(SwitchPath, $"{at}\n");
    }

    /// <summary>Counts no more.</summary>
    public void Disarm() => File.Delete(SwitchPath);

    /// <summary>Starts the agent so that it can be killed, and waits until it has made up its mind about the policy, or is dead.</summary>
    public async Task<RunningCommand> StartAsync()
    {
        RunningCommand agent = RunningCommand.Start("nsenter", Under(_lab.Site.RunArguments));
        using var api = new AgentApi(_lab.Site.SocketPath);
        long start = TimeProvider.System.GetTimestamp();
        while (!agent.HasExited && !await IsSettledAsync(api))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, string.Join('\n', agent.Output));
            await Task.Delay(20, Token);
        }

        return agent;
    }

    /// <summary>Waits until the agent is dead, and sees to it where it runs no more programs: how many a change needs differs from one to the next.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="at">Before which program it was to be killed.</param>
    public async Task EndAsync(RunningCommand agent, int at)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!agent.HasExited && TimeProvider.System.GetElapsedTime(start) < TimeOfLastLooks)
        {
            await Task.Delay(20, Token);
        }

        if (agent.HasExited)
        {
            Killed++;
        }
        else
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"before program {at}: there were {Count}, and it was killed after the last");
        }

        await agent.KillAsync();
    }

    /// <summary>Runs a verb to its end, or until it is killed.</summary>
    public async Task RunAsync(params string[] arguments)
    {
        CommandResult end = await CommandRunner.RunAsync("nsenter", Under(arguments), timeout: Patience, cancellation: Token);
        Assert.True(end.ExitCode is 0 or KilledBySignal, end.StandardError);
    }

    /// <summary>
    /// Which of the ports 80 and 81 packets from the client reach, on the router (judged at PREROUTING) and on web (at POSTROUTING), in both
    /// families, such as <c>router IPv4: 80</c>.
    /// </summary>
    public async Task<ImmutableArray<string>> JudgedAsync()
    {
        var asked = from to in (string[])["router", "web"] from family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6] select (to, family);
        return [.. await Task.WhenAll(asked.Select(one => PortsAsync(one.to, one.family)))];
    }

    private async Task<string> PortsAsync(string to, AddressFamily family)
    {
        LabEnd end = _lab.EndOf(to);
        LabEnd client = _lab.EndOf("client");
        var arrived = new SortedSet<int>();
        Socket[] receivers = [.. new[] { 80, 81, (int)Marker }.Select(port => Bound(end, family, port))];
        using Socket sender = Bound(client, family, port: 0);
        try
        {
            Task[] receiving = [.. receivers.Select(receiver => receiver.ReceiveAsync(new byte[1], Token).AsTask())];
            long start = TimeProvider.System.GetTimestamp();
            foreach (Socket receiver in receivers)
            {
                await sender.SendToAsync(new byte[1], receiver.LocalEndPoint!, Token);
            }

            while (!receiving[^1].IsCompleted && TimeProvider.System.GetElapsedTime(start) < Patience)
            {
                await Task.WhenAny(receiving[^1], Task.Delay(20, Token));
            }

            Assert.True(receiving[^1].IsCompleted, $"{to} {family}: not even what both policies allow arrived");
            await Task.Delay(Stragglers, Token);
            IEnumerable<int> ports = receivers.Zip(receiving).Where(one => one.Second.IsCompleted).Select(one => ((IPEndPoint)one.First.LocalEndPoint!).Port);
            arrived.UnionWith(ports.Where(port => port != Marker));
        }
        finally
        {
            Array.ForEach(receivers, receiver => receiver.Dispose());
        }

        return $"{to} {(family == AddressFamily.InterNetwork ? "IPv4" : "IPv6")}: {string.Join(' ', arrived)}";
    }

    private static Socket Bound(LabEnd end, AddressFamily family, int port)
    {
        Socket socket = end.Host.Run(() => new Socket(family, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(end.Of(family), port));
        return socket;
    }

    private static async Task<bool> IsSettledAsync(AgentApi api)
    {
        try
        {
            return await api.IsEnforcingAsync(Token) && (await api.StatusAsync(Token)).PolicyState() != "pending";
        }
        catch (HttpRequestException)
        {
            // Killed between the two questions: whoever asks sees that it has ended.
            return false;
        }
    }

    private string[] Under(IEnumerable<string> arguments) =>
        [
            $"--net={_lab.Router.NamespacePath}", "env", $"PATH={_scripts}:{Environment.GetEnvironmentVariable("PATH")}", _lab.Site.Executable, .. arguments,
        ];

    // A lease keeper runs the same programs; it is not who is to be killed.
    private string Script(string program) =>
        $"""
        #!/bin/sh
        real=$(PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin command -v {program}) || exit 127
        if [ -e {SwitchPath} ] && ! tr '\0' '\n' <"/proc/$PPID/cmdline" | grep -qx rollback-at; then
            echo {program} >>{CountPath}
            if [ "$(wc -l <{CountPath})" -ge "$(cat {SwitchPath})" ] && [ "$(cat {SwitchPath})" -gt 0 ]; then
                kill -9 "$PPID"
                exit 1
            fi
        fi
        exec "$real" "$@"

        """;
}
