using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Datapath.Agent.Configuration;

namespace Datapath.Agent.Commands;

/// <summary>The command line as a whole: which verbs there are, and what happens to one that cannot be understood.</summary>
internal static class CommandLine
{
    /// <summary>Does what a command line says, on the process's own console.</summary>
    /// <param name="arguments">Without the name of the program.</param>
    /// <param name="parts">What commands work with.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static Task<int> RunAsync(string[] arguments, AgentParts parts) =>
        RunAsync(arguments, parts, Console.Out, Console.Error, CancellationToken.None);

    /// <summary>Does what a command line says.</summary>
    /// <param name="arguments">Without the name of the program.</param>
    /// <param name="parts">What commands work with.</param>
    /// <param name="output">Takes data.</param>
    /// <param name="error">Takes messages.</param>
    /// <param name="cancellation">Ends <c>run</c> as a signal does, and gives up what waits.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(
        string[] arguments,
        AgentParts parts,
        TextWriter output,
        TextWriter error,
        CancellationToken cancellation
    )
    {
        // No response files: @ begins tags, which may well be arguments one day.
        ParseResult parse = Root(parts).Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Errors.Count > 0 && parse.Action is ParseErrorAction)
        {
            foreach (ParseError problem in parse.Errors)
            {
                await error.WriteLineAsync($"datapath: {problem.Message}");
            }

            string verb = parse.CommandResult.Command is RootCommand ? "" : $" {parse.CommandResult.Command.Name}";
            await error.WriteLineAsync($"Try 'datapath{verb} --help'.");
            return ExitCode.CouldNot;
        }

        InvocationConfiguration invocation = new()
        {
            Output = output,
            Error = error,
            // A bug is to be seen as one; and the host of `run` has its own way with signals.
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parse.InvokeAsync(invocation, cancellation);
    }

    /// <summary>Every verb with its options.</summary>
    /// <param name="parts">What commands work with.</param>
    public static RootCommand Root(AgentParts parts)
    {
        OptionTable options = new(new OptionSources(parts.Variables, parts.ConfigurationDirectory));
        RootCommand root = new("Decides by labels which processing units of this host may talk to whom, and has the kernel enforce it.")
        {
            RunCommand.Create(options, parts),
            CheckCommand.Create(options),
            CompileCommand.Create(options),
            ExplainCommand.Create(options),
            DiffCommand.Create(options),
            StatusCommand.Create(options),
            FlowsCommand.Create(options, parts.Clock),
            TopCommand.Create(options, parts.Clock),
            NetstatCommand.Create(options),
            PingCommand.Create(options),
            PolicyCommand.Create(options),
            OrderCommand.CreateApply(options),
            OrderCommand.CreateConfirm(options),
            OrderCommand.CreateRollback(options),
            OrderCommand.CreatePause(options),
            OrderCommand.CreateResume(options),
            DoctorCommand.Create(options, parts),
            CollectCommand.Create(options, parts),
            PurgeCommand.Create(options, parts),
            RollbackAtCommand.Create(options, parts),
            ProbeFromCommand.Create(),
            ConfigCommand.Create(options),
            InstallCommand.CreateInstall(options, parts),
            InstallCommand.CreateUninstall(options, parts),
            CompletionCommand.Create(),
            ManualCommand.Create(),
            VersionCommand.Create(options),
        };
        options.ConfigurationFile.Symbol.Recursive = true;
        root.Add(options.ConfigurationFile.Symbol);
        if (root.Options.OfType<VersionOption>().FirstOrDefault() is { } version)
        {
            version.Description = "Show the version";
            version.Action = new VersionCommand.PrintAction();
        }

        return root;
    }

    /// <summary>A verb that takes these options, from the command line or the environment.</summary>
    /// <param name="name">The verb.</param>
    /// <param name="purpose">What it does, one sentence.</param>
    /// <param name="options">Its options, in the order of the help text.</param>
    public static Command Verb(string name, string purpose, params ReadOnlySpan<AgentOption> options)
    {
        Command verb = new(name, purpose);
        foreach (AgentOption option in options)
        {
            verb.Add(option.Symbol);
            option.Sources.Know(option);
        }

        AgentOption[] all = [.. options];
        verb.Validators.Add(result =>
        {
            foreach (string problem in ProblemsOutside(all, result.GetResult).Concat(all.Select(option => option.Lack(result.GetResult)).OfType<string>()))
            {
                result.AddError(problem);
            }
        });
        return verb;
    }

    /// <summary>What is wrong with the values that environment and configuration file give.</summary>
    /// <param name="options">The options of a verb.</param>
    /// <param name="results">Looks up what the command line says of an option.</param>
    public static IEnumerable<string> ProblemsOutside(IReadOnlyCollection<AgentOption> options, Func<Option, OptionResult?> results)
    {
        // A verb that the file cannot say anything to works whatever is in it.
        AgentOption? first = options.FirstOrDefault(option => option is { Environment: not null, IsOutsideFile: false });
        return first?.Sources.FileOf(results).Problem is { } problem
            ? [problem]
            : options.Select(option => option.ProblemOutsideCommandLine(results)).OfType<string>();
    }
}
