using System.CommandLine;
using System.Globalization;
using Datapath.Agent.Collecting;
using Datapath.Agent.Service;
using Datapath.Backends;
using Datapath.Backends.Selection;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath collect</c>: everything that somebody needs who looks for a fault from afar, in one file.</summary>
internal static class CollectCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="parts">The host and the clock.</param>
    public static Command Create(OptionTable options, AgentParts parts)
    {
        Command verb = CommandLine.Verb(
            "collect",
            "Put logs, counters, tables, policy, doctor and kernel listings into a tar.gz, secrets left out; the agent need not run",
            options.IntoFile,
            options.Pcap,
            options.PcapFor,
            options.EnableEbpf,
            options.StateDirectory,
            options.Instance,
            options.Socket
        );
        verb.SetAction((parse, cancellation) => RunAsync(parse, options, parts, cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(ParseResult parse, OptionTable options, AgentParts parts, CancellationToken cancellation)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        InstanceName instance = options.Instance.In(parse);
        DateTimeOffset now = parts.Clock.GetUtcNow();
        string folder = string.Create(CultureInfo.InvariantCulture, $"datapath-{instance}-{now:yyyyMMdd'T'HHmmss'Z'}");
        string path = options.IntoFile.In(parse) ?? $"{folder}.tar.gz";
        string? problem = null;
        try
        {
            await using SupportArchive archive = new(path, folder, now);
            SupportCollector collector = new(archive, options.Socket.In(parse) ?? instance.DefaultSocketPath, options.StateDirectory.In(parse) ?? instance.DefaultStateDirectory);
            // First, because the rest then says what has become of it.
            problem = options.Pcap.In(parse) is { } unit ? await collector.PacketsAsync(unit, options.PcapFor.In(parse), cancellation) : null;
            await collector.AgentAsync(cancellation);
            HostSurvey survey = parts.Survey(true);
            await collector.HostAsync(
                survey,
                BackendSelector.Select(options.EnableEbpf.In(parse), survey.Requirements, BackendSelector.Built),
                ConfigCommand.Read(parse, options)
            );
            await collector.FilesAsync();
            await collector.LogsAsync(InstallLayout.Unit);
            await collector.KernelAsync(InterfacesOf(parts));
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            await console.Error.WriteLineAsync($"datapath: {refusal.Message}");
            return ExitCode.CouldNot;
        }

        await console.Output.WriteLineAsync(path);
        if (problem is not null)
        {
            await console.Error.WriteLineAsync($"datapath: no packets: {problem}");
        }

        return problem is null ? ExitCode.Done : ExitCode.No;
    }

    private static IEnumerable<string> InterfacesOf(AgentParts parts)
    {
        try
        {
            return [.. parts.Host.Read().Interfaces.Where(one => !one.IsLoopback).Select(one => one.Name)];
        }
        catch (BackendException)
        {
            // The listings say the same in other words.
            return [];
        }
    }
}
