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

        string[] arguments = ["--fork", .. command, ((long)deadline.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)];
        // Returns when the process has closed its ends of our pipes, which it does when it has said that it waits.
        CommandResult result = Programs.Run("setsid", arguments);
        return int.TryParse(result.StandardOutput, NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int id) && id > 0
            ? id
            : throw new BackendException($"the lease keeper did not start: {result.StandardError.Trim()}");
    }

    /// <summary>Whether a keeper runs under this id, and not somebody who got the id after it.</summary>
    /// <param name="id">Its process id.</param>
    public static bool IsAlive(int id)
    {
        try
        {
            string line = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/cmdline"), Encoding.UTF8);
            return line.Split('\0').Contains(IptablesLeaseKeeper.Verb, StringComparer.Ordinal);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Ends a keeper that has nothing to wait for any more. One that cannot be ended finds nothing to do when its time comes.</summary>
    /// <param name="id">Its process id.</param>
    public static void End(int id)
    {
        if (id != Environment.ProcessId && IsAlive(id))
        {
            Unix.Signal(id, Terminate);
        }
    }
}
