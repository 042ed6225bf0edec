using System.CommandLine;
using Datapath.Agent.Hosting;
using Datapath.Agent.Sinks;
using Datapath.Backends.Selection;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath run</c>: the agent itself, in the foreground.</summary>
internal static class RunCommand
{
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
            options.MaxNewFlows,
            options.FlowInterval,
            options.FlowSinks,
            options.FlowMaxSize,
            options.FlowMaxAge,
            options.SyslogEndpoint,
            options.SyslogFormat,
            options.SyslogFacility,
            options.SyslogServerCa,
            options.SyslogClientCertificate,
            options.SyslogClientKey,
            options.OtlpEndpoint,
            options.OtlpProtocol
        );
        verb.SetAction(
            async (parse, stop) =>
            {
                AgentSettings settings = Settings(parse, options);
                TextWriter error = parse.InvocationConfiguration.Error;
                if (!settings.EnableEbpf)
                {
                    return await AgentProcess.RunAsync(settings, parts, error, stop);
                }

                // Before anything is claimed or written: who cannot enforce says why, and leaves no trace.
                BackendSelection selection = BackendSelector.Select(enableEbpf: true, parts.Survey(false).Requirements, BackendSelector.Built);
                if (selection.Chosen == BackendKind.None)
                {
                    await error.WriteAsync(Refusal(selection));
                    return ExitCode.CouldNot;
                }

                return await AgentProcess.RunAsync(settings with { EbpfLack = LackOf(selection) }, parts, error, stop);
            }
        );
        return verb;
    }

    private static string Refusal(BackendSelection selection) =>
        $"datapath: {selection.Reason}\n{DoctorText.InTheWay(selection)}datapath: `datapath doctor --enable-ebpf` shows everything; nothing was changed\n";

    private static string? LackOf(BackendSelection selection) =>
        selection.Chosen == BackendKind.Ebpf ? null : $"{selection.InTheWay[0].Name}: {selection.InTheWay[0].Evidence}";

    private static AgentSettings Settings(ParseResult parse, OptionTable options)
    {
        InstanceName instance = options.Instance.In(parse);
        return new AgentSettings(
            instance,
            options.Policy.In(parse),
            options.Socket.In(parse) ?? instance.DefaultSocketPath,
            options.StateDirectory.In(parse) ?? instance.DefaultStateDirectory,
            options.EnableEbpf.In(parse),
            options.TcHook.In(parse),
            new FlowLimits(options.MaxTcpFlows.In(parse), options.MaxOtherFlows.In(parse), options.MaxNewFlows.In(parse)),
            CheckCommand.PolicyOptionsOf(parse, options)
        )
        {
            Flows = FlowSettingsOf(parse, options),
        };
    }

    private static FlowSettings FlowSettingsOf(ParseResult parse, OptionTable options) =>
        new()
        {
            Sinks = options.FlowSinks.In(parse),
            Interval = options.FlowInterval.In(parse),
            Keeping = new RecordKeeping(options.FlowMaxSize.In(parse), options.FlowMaxAge.In(parse)),
            Syslog = new SyslogSettings
            {
                Endpoint = options.SyslogEndpoint.In(parse),
                Format = options.SyslogFormat.In(parse),
                Facility = options.SyslogFacility.In(parse),
                ServerCa = options.SyslogServerCa.In(parse),
                ClientCertificate = options.SyslogClientCertificate.In(parse),
                ClientKey = options.SyslogClientKey.In(parse),
            },
            Otlp = new OtlpSettings(options.OtlpEndpoint.In(parse), options.OtlpProtocol.In(parse)),
            Stdout = Console.OpenStandardOutput,
        };
}
