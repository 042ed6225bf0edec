using Datapath.Policy.Diagnostics;

namespace Datapath.Agent.Files;

/// <summary>What can be wrong with a policy file before its text is looked at. The numbers are stable.</summary>
internal static class FileDiagnostics
{
    /// <summary>The system refuses to open or read it.</summary>
    public static Diagnostic CannotRead(string file, string reason) =>
        Error("DP3001", new SourceSpan(file, 0, 0), $"cannot be read: {reason}", "check that it exists and that the agent may read it");

    /// <summary>It is larger than any policy that we accept.</summary>
    public static Diagnostic TooLarge(string file, int limitBytes) =>
        Error("DP3002", new SourceSpan(file, 0, 0), $"is larger than {limitBytes} bytes", "split the policy into several files");

    /// <summary>Bytes that are not UTF-8.</summary>
    public static Diagnostic NotUtf8(SourceSpan at) =>
        Error("DP3003", at, "the bytes here are not UTF-8 text", "save the file as UTF-8");

    /// <summary>Reading did not end, as with a named pipe that nobody writes to.</summary>
    public static Diagnostic ReadingTakesTooLong(string file, TimeSpan limit) =>
        Error("DP3004", new SourceSpan(file, 0, 0), $"gave no content within {limit.TotalSeconds} s", "put regular files into the policy directory");

    private static Diagnostic Error(string code, SourceSpan at, string message, string help) =>
        new(DiagnosticSeverity.Error, code, at, message, help);
}
