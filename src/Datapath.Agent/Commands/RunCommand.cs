using System.CommandLine;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath run</c>: the agent itself, in the foreground.</summary>
internal static class RunCommand
{
    /// <summary>What is said, and all that is done, without the opt-in.</summary>
    public const string NoIptablesYet =
        "without --enable-ebpf (or DATAPATH_ENABLE_EBPF=1) the iptables backend is used, and it does not exist yet: nothing is enforced";

    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="parts">What the agent works with.</param>
    public static Command Create(OptionTable options, AgentParts parts)
    {
        Command verb = CommandLine.Verb(
            "run",
            "Keep the kernel at what the policy directory says; ends on SIGTERM or SIGINT, and leaves the policy in force",
            options.Policy,
            options.EnableEbpf,
            options.Instance,
            options.Socket,
            options.StateDirectory,
            options.Namespace,
            options.DefaultAction,
            options.Failsafe,
            options.TcHook,
            options.MaxTcpFlows,
            options.MaxOtherFlows,
            options.MaxNewFlows
        );
        verb.SetAction(
            async (parse, stop) =>
            {
                TextWriter error = parse.InvocationConfiguration.Error;
                if (!options.EnableEbpf.In(parse))
                {
                    await error.WriteLineAsync($"datapath: {NoIptablesYet}");
                    return ExitCode.CouldNot;
                }

                return await AgentProcess.RunAsync(Settings(parse, options), parts, error, stop);
            }
        );
        return verb;
    }

    private static AgentSettings Settings(ParseResult parse, OptionTable options)
    {
        InstanceName instance = options.Instance.In(parse);
        return new AgentSettings(
            instance,
            options.Policy.In(parse),
            options.Socket.In(parse) ?? instance.DefaultSocketPath,
            options.StateDirectory.In(parse) ?? instance.DefaultStateDirectory,
            options.TcHook.In(parse),
            new FlowLimits(options.MaxTcpFlows.In(parse), options.MaxOtherFlows.In(parse), options.MaxNewFlows.In(parse)),
            CheckCommand.PolicyOptionsOf(parse, options)
        );
    }
}
