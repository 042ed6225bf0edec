namespace Datapath.Agent.Commands;

/// <summary>What a command's exit code says. Configuration management relies on these numbers.</summary>
internal static class ExitCode
{
    /// <summary>It is done.</summary>
    public const int Done = 0;

    /// <summary>The answer is no: the policy has errors, something remains.</summary>
    public const int No = 1;

    /// <summary>It could not be tried: wrong usage, missing privilege, missing part.</summary>
    public const int CouldNot = 2;

    /// <summary><c>status</c> only, after the Linux Standard Base: the agent does not run.</summary>
    public const int Stopped = 3;

    /// <summary><c>status</c> only, after the Linux Standard Base: whether the agent runs cannot be told.</summary>
    public const int Unknown = 4;
}
