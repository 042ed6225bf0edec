using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Interop.Processes;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>Finds and runs the programs of the packages iptables and ipset, in the network namespace of the calling thread.</summary>
internal static class Programs
{
    // Services and shells of ordinary users do not have these in their PATH.
    private static readonly string[] SystemDirectories = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

    // A hundred thousand entries take a second; a machine that swaps, longer.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Where a program is; null when it is not there.</summary>
    /// <param name="name">Its name.</param>
    public static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Concat(SystemDirectories)
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">What it reads.</param>
    /// <exception cref="BackendException">It is not there, or could not be run.</exception>
    public static CommandResult Run(string name, IReadOnlyList<string> arguments, string? input = null) => Start(name, arguments, input)();

    /// <summary>Starts a program, so that others can be started beside it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">What it reads.</param>
    /// <returns>Waits for its end. To be called, once: nobody else waits for it.</returns>
    /// <exception cref="BackendException">It is not there, or could not be run; also from what is returned.</exception>
    public static Func<CommandResult> Start(string name, IReadOnlyList<string> arguments, string? input = null)
    {
        string path = Find(name) ?? throw new BackendException($"there is no program {name}: {PackageAdvice.OfHost().InstallProgram(name)}");
        // Started before the first await, so by this thread and in its namespace.
        Task<CommandResult> running = CommandRunner.RunAsync(path, arguments, input, Patience);
        return () =>
        {
            try
            {
                return running.GetAwaiter().GetResult();
            }
            catch (CommandException failure)
            {
                throw new BackendException(failure.Message, failure);
            }
        };
    }

    /// <summary>Waits for all that was started, and tells the first refusal only then: what still ran would meet whoever tries again.</summary>
    /// <param name="running">What waits for each.</param>
    /// <exception cref="BackendException">One was refused.</exception>
    public static ImmutableArray<T> WaitForAll<T>(ImmutableArray<Func<T>> running)
    {
        var ended = ImmutableArray.CreateBuilder<T>(running.Length);
        BackendException? first = null;
        foreach (Func<T> wait in running)
        {
            try
            {
                ended.Add(wait());
            }
            catch (BackendException refusal)
            {
                first ??= refusal;
            }
        }

        return first is null ? ended.ToImmutable() : throw first;
    }
}
