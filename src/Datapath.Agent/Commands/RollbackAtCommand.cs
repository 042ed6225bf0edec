using System.Collections.Immutable;
using System.CommandLine;
using Datapath.Agent.Files;
using Datapath.Agent.Hosting;
using Datapath.Agent.Loops;
using Datapath.Backends;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Policy.Compilation;
using Datapath.Policy.Options;

namespace Datapath.Agent.Commands;

/// <summary>
/// <c>datapath rollback-at</c>: ends a trial or a pause of the iptables backend at its time, whether or not an agent lives. Started by the agent,
/// not by people, and therefore not in the help text.
/// </summary>
internal static class RollbackAtCommand
{
    // An agent that lives does it itself, and keeps what the rules of the trial have counted.
    private static readonly TimeSpan TimeForAgent = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan BetweenAttempts = TimeSpan.FromSeconds(1);

    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="parts">The host and the clock.</param>
    public static Command Create(OptionTable options, AgentParts parts)
    {
        Argument<long> deadline = new("DEADLINE") { Description = "When, in milliseconds since boot" };
        Command verb = CommandLine.Verb(
            IptablesLeaseKeeper.Verb,
            "End a trial or pause of the iptables backend at its time",
            options.Instance,
            options.StateDirectory,
            options.Namespace,
            options.DefaultAction,
            options.Failsafe,
            options.ConnectionMarkBits
        );
        verb.Add(deadline);
        verb.Hidden = true;
        verb.SetAction(
            async (parse, stop) =>
            {
                InstanceName instance = options.Instance.In(parse);
                IptablesLeaseKeeper keeper = new(new IptablesOptions { Instance = instance.Text, ConnectionMarkBits = options.ConnectionMarkBits.In(parse) });
                // Who started us waits until our ends of its pipes are closed.
                await parse.InvocationConfiguration.Output.WriteLineAsync($"{Environment.ProcessId}");
                await parse.InvocationConfiguration.Output.FlushAsync(stop);
                IptablesLeaseKeeper.LetGo();

                await keeper.WaitAsync(TimeSpan.FromMilliseconds(parse.GetRequiredValue(deadline)), stop);
                if (InstanceLock.IsTaken(instance, parts.RuntimeDirectory))
                {
                    await Task.Delay(TimeForAgent, parts.Clock, stop);
                }

                if (await FallBackAsync(keeper, parts, stop) == LeaseKind.Confirm)
                {
                    string state = options.StateDirectory.In(parse) ?? instance.DefaultStateDirectory;
                    HostSnapshot host = parts.Host.Read();
                    if (await CompileAsync(state, host, CheckCommand.PolicyOptionsOf(parse, options), stop) is { } policy)
                    {
                        keeper.Follow(policy, host);
                    }
                }

                return ExitCode.Done;
            }
        );
        return verb;
    }

    /// <summary>The command line of a keeper for an agent, without the deadline.</summary>
    /// <param name="settings">What the agent was told.</param>
    public static ImmutableArray<string> CommandLineFor(AgentSettings settings)
    {
        return
        [
            .. OwnExecutable.CommandLine,
            IptablesLeaseKeeper.Verb,
            // Whatever becomes of the configuration file meanwhile, a trial ends; what the agent was told stands below.
            "--config",
            "/dev/null",
            "--instance",
            settings.Instance.Text,
            "--state-dir",
            settings.StateDirectory,
            "--namespace",
            settings.Options.Namespace,
            "--default-action",
            settings.Options.RootDefault.ToString().ToLowerInvariant(),
            "--failsafe",
            OptionText.Of(settings.Options.Failsafe),
            "--connection-mark-bits",
            OptionText.Of(settings.ConnectionMarkBits),
        ];
    }

    // The lease is the last way back to a host that may be cut off: what is refused now is tried again until it is done.
    private static async Task<LeaseKind> FallBackAsync(IptablesLeaseKeeper keeper, AgentParts parts, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                return keeper.FallBack();
            }
            catch (BackendException)
            {
                await Task.Delay(BetweenAttempts, parts.Clock, stop);
            }
        }
    }

    private static async Task<CompiledPolicy?> CompileAsync(string stateDirectory, HostSnapshot host, PolicyOptions options, CancellationToken stop)
    {
        PolicyArchive archive = new(stateDirectory);
        return archive.Load(out _).Confirmed is { } hash && await archive.ReadAsync(hash, stop) is { } source
            ? PolicyBuild.Of(source, HostFacts.Inventory(host), options, RuleIndexes.Empty).Policy
            : null;
    }
}
