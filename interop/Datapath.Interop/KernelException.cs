using Datapath.Interop.Libc;

namespace Datapath.Interop;

/// <summary>The kernel said no: what was tried, on what, and the kernel's own number.</summary>
public class KernelException : Exception
{
    /// <summary>Makes one from a positive errno.</summary>
    /// <param name="operation">What was tried, as a verb phrase: <c>update map</c>.</param>
    /// <param name="subject">On what: a name, a path, an interface.</param>
    /// <param name="errno">The kernel's number, positive.</param>
    /// <param name="detail">What a library added, or null.</param>
    public KernelException(string operation, string subject, int errno, string? detail = null)
        : base(Describe(operation, subject, errno, detail))
    {
        Operation = operation;
        Subject = subject;
        Number = errno;
    }

    /// <summary>What was tried.</summary>
    public string Operation { get; }

    /// <summary>On what it was tried.</summary>
    public string Subject { get; }

    /// <summary>The errno, positive.</summary>
    public int Number { get; }

    /// <summary>The symbol of the errno, such as <c>ENOENT</c>.</summary>
    public string Symbol => Errno.Symbol(Number);

    /// <summary>Passes a result of a libbpf call through, or throws when it is a negative errno.</summary>
    /// <param name="result">What the call returned.</param>
    /// <param name="operation">What was tried.</param>
    /// <param name="subject">On what.</param>
    internal static int Check(int result, string operation, string subject) =>
        result < 0 ? throw new KernelException(operation, subject, -result) : result;

    private static string Describe(string operation, string subject, int errno, string? detail)
    {
        string line = $"cannot {operation} {subject}: {Errno.Symbol(errno)} ({Errno.Text(errno)})";
        return string.IsNullOrEmpty(detail) ? line : line + Environment.NewLine + detail;
    }
}
