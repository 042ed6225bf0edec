namespace Datapath.Interop.Processes;

/// <summary>A program could not be started, took too long, or said no to somebody who did not ask whether.</summary>
/// <param name="command">The program and its arguments.</param>
/// <param name="reason">What went wrong.</param>
/// <param name="result">How it ended, or null when it did not.</param>
/// <param name="cause">Why it could not be started, or null.</param>
public sealed class CommandException(string command, string reason, CommandResult? result = null, Exception? cause = null)
    : Exception($"{command}: {reason}", cause)
{
    /// <summary>The program and its arguments.</summary>
    public string Command { get; } = command;

    /// <summary>How it ended, or null when it was not started or was killed.</summary>
    public CommandResult? Result { get; } = result;
}
