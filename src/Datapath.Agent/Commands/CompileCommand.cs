using System.CommandLine;
using System.Text.Json;
using Datapath.Agent.Documents;
using Datapath.Policy.Compilation;
using Datapath.Policy.Diagnostics;
using Datapath.Policy.Options;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath compile</c>: what a policy comes to, without installing it.</summary>
internal static class CompileCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Command verb = CommandLine.Verb(
            "compile",
            "Show the tables that a policy comes to: sizes, units, classes; exit 0 when it compiles, 1 when it is too large, 2 when it has errors",
            options.PolicyFiles,
            options.Full,
            options.Namespace,
            options.DefaultAction,
            options.Failsafe,
            options.Json
        );
        verb.SetAction(
            async (parse, cancellation) =>
            {
                InvocationConfiguration console = parse.InvocationConfiguration;
                PolicyOptions policy = CheckCommand.PolicyOptionsOf(parse, options);
                PolicyInput? input = await PolicyInput.ReadAsync(console, options.PolicyFiles.In(parse), policy, cancellation);
                if (input is null)
                {
                    return ExitCode.CouldNot;
                }

                PolicyCompilation compilation = PolicyCompiler.Compile(input.Resolved, RuleIndexes.Empty);
                await console.Error.WriteAsync(DiagnosticText.Render(compilation.Diagnostics));
                if (compilation.Policy is not { } compiled)
                {
                    return ExitCode.No;
                }

                var document = CompileDocument.Of(input.Files, compiled);
                await console.Output.WriteAsync(
                    options.Json.In(parse)
                        ? JsonSerializer.Serialize(document, AgentJson.Indented.CompileDocument) + "\n"
                        : CompileText.Render(document, options.Full.In(parse))
                );
                return ExitCode.Done;
            }
        );
        return verb;
    }
}
