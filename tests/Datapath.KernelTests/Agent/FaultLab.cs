using System.Buffers.Binary;
using System.Collections.Immutable;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;
using Datapath.Lab.Agents;
using Xunit;
using static Datapath.KernelTests.Ebpf.Packet;

namespace Datapath.KernelTests.Agent;

/// <summary>Runs the executable under <c>tests/faults/kill_at.c</c>, and asks the programs at the hooks which policy they judge by.</summary>
/// <param name="lab">Where it runs.</param>
internal sealed class FaultLab(AgentLab lab)
{
    private const int SignalToCount = 10; // SIGUSR1
    private const int KilledByUs = 137;
    private const uint Pass = uint.MaxValue;
    private const int ContextBytes = 192;
    private const int IngressInterfaceOffset = 36;
    private const int InterfaceOffset = 40;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // What CI tries of all the calls: a spread that begins at another place each time.
    private const int Tries = 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static string KillAt => Path.Combine(AppContext.BaseDirectory, "kill_at");

    private string CountPath => Path.Combine(lab.Site.WorkPath, "count");

    /// <summary>Calls that were counted so far.</summary>
    public int Count => int.Parse(File.ReadAllText(CountPath));

    /// <summary>Which of the calls are tried; says how many of how many.</summary>
    /// <param name="what">What is killed.</param>
    /// <param name="calls">How many calls it makes.</param>
    public static ImmutableArray<int> Chosen(string what, int calls)
    {
        bool all = Environment.GetEnvironmentVariable("DATAPATH_FAULTS") == "all";
        ImmutableArray<int> chosen =
            all ? [.. Enumerable.Range(1, calls)] : [.. Enumerable.Range(0, Tries).Select(one => 1 + Random.Shared.Next(calls * one / Tries, calls * (one + 1) / Tries))];
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: killed at {(all ? "every call" : string.Join(' ', chosen))}; ran {chosen.Length} of {calls}");
        return chosen;
    }

    /// <summary>Starts the agent so that it can be killed, and waits until it enforces or is dead.</summary>
    /// <param name="at">The call at which it is killed; 0 for none.</param>
    /// <param name="isCounting">Whether calls count from the beginning, or from <see cref="CountFromNowOn"/>.</param>
    public async Task<RunningCommand> StartAsync(int at, bool isCounting)
    {
        RunningCommand agent = RunningCommand.Start(KillAt, Under(at, isCounting, [.. lab.Site.RunArguments]));
        using var api = new AgentApi(lab.Site.SocketPath);
        long start = TimeProvider.System.GetTimestamp();
        while (!agent.HasExited && !await IsSettledAsync(api))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, string.Join('\n', agent.Output));
            await Task.Delay(20, Token);
        }

        return agent;
    }

    /// <summary>Counts the calls of an agent from now on.</summary>
    public static void CountFromNowOn(RunningCommand agent) => Unix.Signal(agent.Id, SignalToCount);

    /// <summary>Runs a verb to its end, or until it is killed.</summary>
    /// <returns>Whether it was killed.</returns>
    public async Task<bool> IsKilledAsync(int at, params string[] arguments)
    {
        CommandResult end = await CommandRunner.RunAsync(KillAt, Under(at, isCounting: true, arguments), timeout: Patience, cancellation: Token);
        Assert.True(end.ExitCode is 0 or KilledByUs, end.StandardError);
        return end.ExitCode == KilledByUs;
    }

    /// <summary>Which TCP ports the programs let a client open, by hook: the policy that they judge by.</summary>
    /// <returns>One entry for each hook that has a program, such as <c>web0: 80</c>.</returns>
    public ImmutableArray<string> Judged() =>
        [
            .. from place in (string[])["up0", "web0"]
            let ports = Opened(place)
            where ports is not null
            select $"{place}: {ports}",
        ];

    private string? Opened(string interfaceName)
    {
        bool isUplink = interfaceName == "up0";
        var hook = new TcHook(lab.IndexOf(interfaceName)!.Value, isUplink ? TcDirection.Ingress : TcDirection.Egress);
        return lab.Router.Run(() =>
        {
            if (hook.Query() is not [var attached, ..])
            {
                return null;
            }

            using BpfProgram program = BpfProgram.OpenById(attached.ProgramId);
            IEnumerable<ushort> open = new ushort[] { 80, 81 }.Where(port => Passes(program, hook.InterfaceIndex, isUplink ? "10.77.0.1" : "10.78.0.2", port));
            return string.Join(' ', open);
        });
    }

    private static bool Passes(BpfProgram program, int index, string to, ushort port)
    {
        var context = new byte[ContextBytes];
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(InterfaceOffset), index);
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(IngressInterfaceOffset), index);
        byte[] frame = Ethernet(IPv4("10.77.0.2", to, Tcp, TcpHeader(40000, port, Syn)));
        // For every station: what is for another one is not judged here.
        frame.AsSpan(0, 6).Fill(byte.MaxValue);
        return program.TestRun(frame, context).ReturnValue == Pass;
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

    private string[] Under(int at, bool isCounting, string[] arguments) =>
        [isCounting ? "now" : "later", $"{at}", CountPath, "nsenter", $"--net={lab.Router.NamespacePath}", lab.Site.Executable, .. arguments];
}
