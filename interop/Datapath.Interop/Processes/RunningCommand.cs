using System.ComponentModel;
using System.Diagnostics;

namespace Datapath.Interop.Processes;

/// <summary>A program that runs beside us until it ends or is killed; what it prints is kept.</summary>
public sealed class RunningCommand : IAsyncDisposable
{
    /// <summary>How much of its output is kept, in lines: the end says why a program died.</summary>
    public const int KeptLines = 200;

    private readonly Process _process;
    private readonly Queue<string> _lines = new();

    private RunningCommand(Process process) => _process = process;

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The last lines that it printed, both streams, oldest first.</summary>
    public IReadOnlyList<string> Output
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Starts a program, never through a shell.</summary>
    /// <param name="file">Path or name of the program.</param>
    /// <param name="arguments">Its arguments, each passed on as it is.</param>
    /// <exception cref="CommandException">It could not be started.</exception>
    public static RunningCommand Start(string file, IEnumerable<string> arguments)
    {
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(file, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
            },
        };
        var command = new RunningCommand(process);
        process.OutputDataReceived += (_, line) => command.Keep(line.Data);
        process.ErrorDataReceived += (_, line) => command.Keep(line.Data);
        try
        {
            process.Start();
        }
        catch (Win32Exception cause)
        {
            throw new CommandException(file, $"cannot be started: {cause.Message}", cause: cause);
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return command;
    }

    /// <summary>Kills it (SIGKILL) and waits until it is gone and its output read; nothing happens when it has ended already.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Waits for its end.</summary>
    /// <param name="cancellation">Stops waiting; the program runs on.</param>
    /// <returns>Its exit code; 128 and the signal's number when a signal ended it.</returns>
    public async Task<int> WaitAsync(CancellationToken cancellation = default)
    {
        await _process.WaitForExitAsync(cancellation);
        return _process.ExitCode;
    }

    /// <summary>Kills it when it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_lines)
        {
            _lines.Enqueue(line);
            if (_lines.Count > KeptLines)
            {
                _lines.Dequeue();
            }
        }
    }
}
