namespace Datapath.Interop;

/// <summary>The kernel's verifier refused a program; the message ends with the end of its log.</summary>
public sealed class VerifierException : KernelException
{
    /// <summary>Lines of the log's end that are kept; what the verifier objects to stands in the last ones.</summary>
    public const int KeptLines = 30;

    /// <summary>Makes one from the verifier's log.</summary>
    /// <param name="program">The program, or the object when the log does not say which.</param>
    /// <param name="errno">The kernel's number, positive.</param>
    /// <param name="log">The whole log.</param>
    public VerifierException(string program, int errno, string log)
        : base("load", program, errno, LogEnd(log)) => Log = log;

    /// <summary>The whole log.</summary>
    public string Log { get; }

    private static string LogEnd(string log)
    {
        string[] lines = log.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(Environment.NewLine, lines.TakeLast(KeptLines).Select(line => "  " + line.TrimEnd()));
    }
}
