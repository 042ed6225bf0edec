namespace Datapath.Interop.Processes;

/// <summary>What a program said and how it ended.</summary>
/// <param name="ExitCode">0 for success; 128 and the number of the signal that ended it.</param>
/// <param name="StandardOutput">All it wrote there.</param>
/// <param name="StandardError">All it wrote there.</param>
public sealed record CommandResult(int ExitCode, string StandardOutput, string StandardError);
