using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Agent.Hosting;
using Datapath.Agent.Service;
using Datapath.Backends;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath install</c> and <c>uninstall</c>: the agent as a service of this host, and its end without a trace.</summary>
internal static class InstallCommand
{
    /// <summary>The verb that installs.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="parts">What is installed.</param>
    public static Command CreateInstall(OptionTable options, AgentParts parts)
    {
        Command verb = CommandLine.Verb(
            "install",
            "Make the agent a service of this host: executable, group, configuration, directories, systemd unit, manual page, completions; what is there already stays",
            options.DryRunOfInstall,
            options.Now,
            options.Prefix,
            options.Root,
            options.Json
        );
        verb.SetAction(parse => Carry(parse, options, installer => installer.Install(options.Now.In(parse)), parts));
        return verb;
    }

    /// <summary>The verb that uninstalls.</summary>
    /// <param name="options">Every option there is.</param>
    /// <param name="parts">What was installed.</param>
    public static Command CreateUninstall(OptionTable options, AgentParts parts)
    {
        Command verb = CommandLine.Verb(
            "uninstall",
            "Stop the agent, remove every kernel object of its instance, then everything that `install` made; exit 1 when something remains",
            options.KeepPolicy,
            options.DryRunOfInstall,
            options.Prefix,
            options.Root,
            options.Json
        );
        verb.SetAction(parse =>
            Carry(parse, options, installer => installer.Uninstall(options.KeepPolicy.In(parse), dryRun => Purge(parts, new PurgeCommand.PurgeOrder(dryRun, Force: true, options.ConnectionMarkBits.In(parse)))), parts)
        );
        return verb;
    }

    private static PurgedInstanceDocument Purge(AgentParts parts, PurgeCommand.PurgeOrder order) =>
        !order.DryRun && InstanceLock.IsTaken(InstanceName.Default, parts.RuntimeDirectory)
            ? throw new InstallException("the agent runs, and not as the service that was stopped: stop it first")
            : PurgeCommand.Remove(parts, InstanceName.Default, order);

    private static int Carry(ParseResult parse, OptionTable options, Func<Installer, InstallReport> work, AgentParts parts)
    {
        InvocationConfiguration console = parse.InvocationConfiguration;
        InstallLayout layout = new(options.Root.In(parse), options.Prefix.In(parse));
        var program = ProgramDescription.Of((RootCommand)parse.RootCommandResult.Command);
        bool dryRun = options.DryRunOfInstall.In(parse);
        try
        {
            InstallReport report = work(new Installer(layout, parts.Install, program, dryRun));
            InstallDocument answer = new(dryRun, [.. report.Steps.Select(step => new InstallStepDocument(Word(step.Result), step.What))], report.Problems);
            console.Output.Write(options.Json.In(parse) ? JsonSerializer.Serialize(answer, AgentJson.Indented.InstallDocument) + "\n" : Text(answer));
            foreach (string problem in report.Problems)
            {
                console.Error.WriteLine($"datapath: {problem}");
            }

            return report.Problems.IsEmpty ? ExitCode.Done : ExitCode.No;
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException or BackendException or InstallException)
        {
            console.Error.WriteLine($"datapath: {refusal.Message}");
            return ExitCode.CouldNot;
        }
    }

    private static string Text(InstallDocument answer)
    {
        ImmutableArray<InstallStepDocument> steps = answer.Steps;
        string note = answer.DryRun ? "nothing was done; it would be:\n" : "";
        return steps.IsEmpty ? "nothing to do\n" : note + string.Concat(steps.Select(step => $"{step.Result,-10}{step.What}\n"));
    }

    private static string Word(StepResult result) =>
        result switch
        {
            StepResult.Created => "created",
            StepResult.Changed => "changed",
            StepResult.Unchanged => "unchanged",
            StepResult.Kept => "kept",
            StepResult.Removed => "removed",
            _ => "done",
        };
}
