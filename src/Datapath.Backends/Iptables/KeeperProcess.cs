using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Interop.Libc;
using Datapath.Interop.Processes;

namespace Datapath.Backends.Iptables;

/// <summary>The process that ends a lease when no agent lives: netfilter has no clock that changes rules.</summary>
internal static class KeeperProcess
{
    private const int Terminate = 15; // SIGTERM
    private const string InstanceOption = "--instance";

    /// <summary>Starts one that is nobody's child and in a session of its own, so that nothing ends it together with the agent.</summary>
    /// <param name="command">The program and its first arguments.</param>
    /// <param name="deadline">Since boot; its last argument, in milliseconds.</param>
    /// <returns>Its process id.</returns>
    /// <exception cref="BackendException">It did not say that it waits.</exception>
    public static int Start(ImmutableArray<string> command, TimeSpan deadline)
    {
        if (command.IsEmpty)
        {
            throw new BackendException("nobody would end it: no lease keeper is set up");
        }

        string[] arguments = ["--fork", .. command, Milliseconds(deadline)];
        // Returns when the process has closed its ends of our pipes, which it does when it has said that it waits.
        CommandResult result = Programs.Run("setsid", arguments);
        return int.TryParse(result.StandardOutput, NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int id) && id > 0
            ? id
            : throw new BackendException($"the lease keeper did not start: {result.StandardError.Trim()}");
    }

    /// <summary>Whether the keeper of a lease runs, and nobody who got its process id after it: not another instance's keeper either.</summary>
    /// <param name="lease">What it waits for.</param>
    /// <param name="instance">Whose lease that is.</param>
    public static bool IsAlive(IptablesLease lease, string instance)
    {
        try
        {
            string line = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{lease.Keeper}/cmdline"), Encoding.UTF8);
            return IsKeeper(line, lease.Deadline, instance);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Ends a keeper that has nothing to wait for any more. One that cannot be ended finds nothing to do when its time comes.</summary>
    /// <param name="lease">What it waited for.</param>
    /// <param name="instance">Whose lease that was.</param>
    public static void End(IptablesLease lease, string instance)
    {
        if (lease.Keeper != Environment.ProcessId && IsAlive(lease, instance))
        {
            Unix.Signal(lease.Keeper, Terminate);
        }
    }

    /// <summary>Whether a command line is that of a keeper.</summary>
    /// <param name="commandLine">As /proc/PID/cmdline has it: a zero after each argument.</param>
    /// <param name="deadline">What it waits for, since boot.</param>
    /// <param name="instance">Whose.</param>
    internal static bool IsKeeper(string commandLine, TimeSpan deadline, string instance)
    {
        string[] words = commandLine.TrimEnd('\0').Split('\0');
        int named = Array.IndexOf(words, InstanceOption);
        return Array.IndexOf(words, IptablesLeaseKeeper.Verb) is >= 0 and var verb && named > verb && named + 1 < words.Length && words[named + 1] == instance && words[^1] == Milliseconds(deadline);
    }

    private static string Milliseconds(TimeSpan deadline) => ((long)deadline.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
}
