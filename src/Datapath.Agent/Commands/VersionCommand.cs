using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text.Json;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath version</c>: which build this is.</summary>
internal static class VersionCommand
{
    /// <summary>The verb.</summary>
    /// <param name="options">Every option there is.</param>
    public static Command Create(OptionTable options)
    {
        Command verb = CommandLine.Verb("version", "Show which build this is", options.Json);
        verb.SetAction(parse =>
        {
            Print(parse.InvocationConfiguration.Output, options.Json.In(parse));
            return ExitCode.Done;
        });
        return verb;
    }

    private static void Print(TextWriter output, bool asJson)
    {
        AgentVersion version = AgentVersion.Current;
        output.WriteLine(
            asJson ? JsonSerializer.Serialize(VersionDocument.Of(version), AgentJson.Indented.VersionDocument) : $"datapath {version.Number}"
        );
    }

    /// <summary>What <c>datapath --version</c> does.</summary>
    internal sealed class PrintAction : SynchronousCommandLineAction
    {
        /// <inheritdoc/>
        public override int Invoke(ParseResult parseResult)
        {
            Print(parseResult.InvocationConfiguration.Output, asJson: false);
            return ExitCode.Done;
        }
    }
}
