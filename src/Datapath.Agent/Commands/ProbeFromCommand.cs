using System.CommandLine;
using System.Net;
using Datapath.Backends;
using Datapath.Backends.Probing;

namespace Datapath.Agent.Commands;

/// <summary><c>datapath probe-from</c>: probes from a cgroup. Started by the agent, not by people, and therefore not in the help text.</summary>
internal static class ProbeFromCommand
{
    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Argument<string> directory = new("DIRECTORY") { Description = "The cgroup's directory" };
        Argument<string> target = new("TARGET") { Description = "Address and port; port 0 for an echo" };
        Argument<int> patience = new("MILLISECONDS") { Description = "How long to wait for an answer" };
        Command verb = CommandLine.Verb(CgroupProbe.Verb, "Probe from a cgroup");
        verb.Add(directory);
        verb.Add(target);
        verb.Add(patience);
        verb.Hidden = true;
        verb.SetAction(
            async (parse, _) =>
            {
                InvocationConfiguration console = parse.InvocationConfiguration;
                try
                {
                    var wait = TimeSpan.FromMilliseconds(parse.GetRequiredValue(patience));
                    await console.Output.WriteLineAsync(CgroupProbe.Follow(parse.GetRequiredValue(directory), IPEndPoint.Parse(parse.GetRequiredValue(target)), wait));
                    return ExitCode.Done;
                }
                catch (Exception refusal) when (refusal is BackendException or FormatException)
                {
                    await console.Error.WriteLineAsync(refusal.Message);
                    return ExitCode.CouldNot;
                }
            }
        );
        return verb;
    }
}
