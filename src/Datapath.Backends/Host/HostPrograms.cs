using Datapath.Interop.Processes;

namespace Datapath.Backends.Host;

/// <summary>Runs programs of the host, for those who do not speak to it themselves.</summary>
public static class HostPrograms
{
    // Stopping a service waits for it, and a machine that has just booted is busy.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly string[] SystemDirectories = ["/usr/sbin", "/sbin"];

    /// <summary>Runs a program that has to succeed.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>Why it did not succeed, one sentence; null when it did.</returns>
    public static string? Run(string program, IReadOnlyList<string> arguments)
    {
        string command = string.Join(' ', [program, .. arguments]);
        try
        {
            CommandResult result = CommandRunner.RunAsync(Find(program), arguments, timeout: Patience).GetAwaiter().GetResult();
            return result.ExitCode == 0 ? null : $"`{command}` ended with {result.ExitCode}: {result.StandardError.Trim()}";
        }
        catch (CommandException failure)
        {
            return failure.Message;
        }
    }

    /// <summary>Runs a program and gives what it says, whatever its exit code.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>Both its streams; where it could not be run, why.</returns>
    public static string Output(string program, IReadOnlyList<string> arguments)
    {
        try
        {
            CommandResult result = CommandRunner.RunAsync(Find(program), arguments, timeout: Patience).GetAwaiter().GetResult();
            string end = result.ExitCode == 0 ? "" : $"ended with {result.ExitCode}\n";
            return result.StandardOutput + result.StandardError + end;
        }
        catch (CommandException failure)
        {
            return failure.Message + "\n";
        }
    }

    // Shells of ordinary users do not have the system's programs in their PATH.
    private static string Find(string program) =>
        SystemDirectories.Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists) ?? program;
}
