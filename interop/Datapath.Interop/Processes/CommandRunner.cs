using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Datapath.Interop.Processes;

/// <summary>Starts programs; the only place that does. Never through a shell: an argument stays one argument.</summary>
public static class CommandRunner
{
    /// <summary>How long a program may take when nobody says otherwise.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">A path, or a name to be found in PATH.</param>
    /// <param name="arguments">Each becomes one argument.</param>
    /// <param name="input">Text for its standard input; null for an empty one.</param>
    /// <param name="timeout">How long it may take; null for <see cref="DefaultTimeout"/>.</param>
    /// <param name="cancellation">Kills it.</param>
    /// <returns>How it ended, whatever its exit code.</returns>
    /// <exception cref="CommandException">It could not be started, or was killed because it took too long.</exception>
    public static async Task<CommandResult> RunAsync(
        string program,
        IReadOnlyList<string> arguments,
        string? input = null,
        TimeSpan? timeout = null,
        CancellationToken cancellation = default)
    {
        string command = string.Join(' ', [program, .. arguments]);
        using Process process = Start(program, arguments, command);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout ?? DefaultTimeout);
        // A write into a pipe that is full does not hear of the token: it ends when nobody is left who could read.
        await using CancellationTokenRegistration end = limit.Token.Register(() => End(process));
        try
        {
            // Both pipes are read while the input is written: a program that fills one would wait for ever.
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(limit.Token);
            await WriteInputAsync(process, input, limit.Token);
            await Task.WhenAll(output, error);
            await process.WaitForExitAsync(limit.Token);
            limit.Token.ThrowIfCancellationRequested();
            return new CommandResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            // Whoever was to end it may have been told in vain by now: reads hear of the limit first.
            End(process);
            cancellation.ThrowIfCancellationRequested();
            throw new CommandException(command, $"took longer than {timeout ?? DefaultTimeout:c} and was killed");
        }
    }

    /// <summary>Runs a program that has to succeed.</summary>
    /// <param name="program">A path, or a name to be found in PATH.</param>
    /// <param name="arguments">Each becomes one argument.</param>
    /// <returns>What it wrote on its standard output.</returns>
    /// <exception cref="CommandException">It did not exit with 0; the message carries what it wrote on standard error.</exception>
    /// <remarks>
    /// Waits on the calling thread, and starts the program from there, so that it runs in that thread's network namespace.
    /// </remarks>
    public static string Run(string program, params IReadOnlyList<string> arguments)
    {
        CommandResult result = RunAsync(program, arguments).GetAwaiter().GetResult();
        return result.ExitCode == 0
            ? result.StandardOutput
            : throw new CommandException(
                string.Join(' ', [program, .. arguments]),
                $"exit code {result.ExitCode}: {result.StandardError.Trim()}",
                result);
    }

    private static Process Start(string program, IReadOnlyList<string> arguments, string command)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        // Messages are compared and shown: not in the language of whoever started us.
        start.Environment["LC_ALL"] = "C.UTF-8";
        try
        {
            return Process.Start(start) ?? throw new CommandException(command, "no process was started");
        }
        catch (Win32Exception cause)
        {
            throw new CommandException(command, $"cannot be started: {cause.Message}", cause: cause);
        }
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception refusal) when (refusal is AggregateException or Win32Exception)
        {
            // One of the tree may not be ended by us (it runs as another user); whoever reads our pipe has been asked first.
        }
    }

    private static async Task WriteInputAsync(Process process, string? input, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellation);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading; its exit code and messages say why.
        }
    }
}
