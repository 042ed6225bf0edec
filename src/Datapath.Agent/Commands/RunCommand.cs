using System.Collections.Immutable;
using System.CommandLine;
using Datapath.Agent.Hosting;
using Datapath.Agent.Service;
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
            OptionsOf(options)
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

    /// <summary>What an agent can be told: on the command line, by the environment and by the configuration file.</summary>
    /// <param name="options">Every option there is.</param>
    public static AgentOption[] OptionsOf(OptionTable options) =>
        [
            options.Policy,
            options.EnableEbpf,
            options.Instance,
            options.Socket,
            options.StateDirectory,
            options.Namespace,
            options.DefaultAction,
            options.Failsafe,
            options.TcHook,
            options.NoEarlyReject,
            options.Xdp,
            options.MaxTcpFlows,
            options.MaxOtherFlows,
            options.MaxNewFlows,
            options.EbpfImageMemory,
            options.EbpfDigestMemory,
            options.PacketMarkMask,
            options.ConnectionMarkBits,
            options.FlowInterval,
            options.FlowAccounting,
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
            options.OtlpProtocol,
            options.RejectWith,
            options.MetricsListen,
            options.MetricsPerRule,
            options.LogFormat,
        ];

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
            LogFormat = options.LogFormat.In(parse),
            Xdp = options.Xdp.In(parse),
            EarlyReject = !options.NoEarlyReject.In(parse),
            RejectsWithReset = options.RejectWith.In(parse) == DeniedAnswer.Reset,
            MetricsListen = options.MetricsListen.In(parse),
            MetricsPerRule = options.MetricsPerRule.In(parse),
            EbpfImageMebibytes = options.EbpfImageMemory.In(parse),
            EbpfDigestMebibytes = options.EbpfDigestMemory.In(parse),
            PacketMarkMask = options.PacketMarkMask.In(parse),
            ConnectionMarkBits = options.ConnectionMarkBits.In(parse),
            Reread = () => Reread(parse, options),
        };
    }

    private static RereadSettings Reread(ParseResult parse, OptionTable options)
    {
        // Those that give a policy its meaning; the rest is built into sockets, files and kernel objects.
        AgentOption[] live = [options.Namespace, options.DefaultAction, options.Failsafe];
        AgentOption[] all = OptionsOf(options);
        ImmutableArray<string?> before = Texts();
        options.Instance.Sources.Forget();
        ImmutableArray<string> problems =
        [
            .. CommandLine.ProblemsOutside(all, parse.GetResult),
            .. all.Select(option => option.Lack(parse.GetResult)).OfType<string>(),
        ];
        if (!problems.IsEmpty)
        {
            return new RereadSettings(Options: null, problems, AtNextStart: []);
        }

        ImmutableArray<string?> after = Texts();
        IEnumerable<string> changed = all.Index().Where(one => before[one.Index] != after[one.Index]).Select(one => one.Item).Except(live).Select(option => option.Name);
        return new RereadSettings(CheckCommand.PolicyOptionsOf(parse, options), Problems: [], [.. changed]);

        ImmutableArray<string?> Texts() => [.. all.Select(option => option.Sources.Find(option, parse.GetResult)?.Text)];
    }

    private static FlowSettings FlowSettingsOf(ParseResult parse, OptionTable options) =>
        new()
        {
            Sinks = options.FlowSinks.In(parse),
            Interval = options.FlowInterval.In(parse),
            KeepsAccounts = options.FlowAccounting.In(parse),
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
            Otlp = new OtlpSettings(options.OtlpEndpoint.In(parse), options.OtlpProtocol.In(parse) == OtlpProtocol.Grpc),
            Stdout = Console.OpenStandardOutput,
        };
}
