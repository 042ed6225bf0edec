using System.Collections.Immutable;

namespace Datapath.Agent.Hosting;

/// <summary>How the agent starts itself for what a process of its own must do.</summary>
internal static class OwnExecutable
{
    /// <summary>The command line of this executable, without a verb.</summary>
    public static ImmutableArray<string> CommandLine
    {
        get
        {
            string program = Environment.ProcessPath ?? "datapath";
            // Started as `dotnet datapath.dll`, or as the executable itself.
            return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Path.Combine(AppContext.BaseDirectory, "datapath.dll")] : [program];
        }
    }
}
