using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Datapath.Backends.Host;
using Datapath.Interop.Processes;

namespace Datapath.Backends.Probing;

/// <summary>
/// A probe from a cgroup. Whose a socket is is settled when it is made, by where its process is: so a process of its own goes there, opens the
/// connection and ends.
/// </summary>
public static class CgroupProbe
{
    /// <summary>The verb of the executable that is such a process.</summary>
    public const string Verb = "probe-from";

    // What a process takes to start and to end, on a machine that is busy.
    private static readonly TimeSpan StartAndEnd = TimeSpan.FromSeconds(20);

    /// <summary>Has such a process probe, and waits for it.</summary>
    /// <param name="path">The cgroup, as the policy names it; of several the first.</param>
    /// <param name="target">Whom to reach; port 0 for an echo.</param>
    /// <param name="patience">How long it waits for an answer.</param>
    /// <param name="program">The program, and its first arguments, that has <see cref="Verb"/>.</param>
    /// <exception cref="BackendException">There is no such cgroup, or the process could not.</exception>
    internal static ProbeExchange Run(string path, IPEndPoint target, TimeSpan patience, ImmutableArray<string> program)
    {
        if (CgroupTree.Find() is not { } tree || tree.Named(path) is not [var cgroup, ..])
        {
            throw new BackendException($"there is no cgroup {path}");
        }

        string milliseconds = ((int)patience.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        try
        {
            CommandResult result = CommandRunner
                .RunAsync(program[0], [.. program[1..], Verb, tree.DirectoryOf(cgroup.Path), target.ToString(), milliseconds], timeout: patience + StartAndEnd)
                .GetAwaiter()
                .GetResult();
            return result.ExitCode == 0 && ProbeExchange.Parse(result.StandardOutput.TrimEnd('\n'), target) is { } exchange
                ? exchange
                : throw new BackendException($"cgroup {cgroup.Path}: {result.StandardError.Trim()}");
        }
        catch (CommandException refusal)
        {
            throw new BackendException(refusal.Message, refusal);
        }
    }

    /// <summary>Goes into a cgroup and probes from there: what the process does. It stays there to its end.</summary>
    /// <param name="directory">The cgroup's directory.</param>
    /// <param name="target">Whom to reach; port 0 for an echo.</param>
    /// <param name="patience">How long to wait for an answer.</param>
    /// <returns>A line that <see cref="Run"/> understands.</returns>
    /// <exception cref="BackendException">It may not, or there is no way to the target.</exception>
    public static string Follow(string directory, IPEndPoint target, TimeSpan patience)
    {
        try
        {
            File.WriteAllText(Path.Combine(directory, "cgroup.procs"), "0");
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            throw new BackendException($"a process of ours may not go there: {refusal.Message}", refusal);
        }

        return UnitProber.Exchange(target, patience).ToString();
    }
}
