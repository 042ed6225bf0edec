using Datapath.Backends.Host;

namespace Datapath.Agent.Service;

/// <summary>What an installation is given from outside, besides the files.</summary>
/// <param name="Executable">The executable that runs, an absolute path.</param>
/// <param name="IsSingleFile">Whether it is all there is to install; otherwise it stays where it is, among its libraries.</param>
/// <param name="HasSystemd">Whether systemd runs this host.</param>
/// <param name="Run">Runs a program with arguments; why it did not succeed, or null.</param>
internal sealed record InstallParts(string Executable, bool IsSingleFile, bool HasSystemd, Func<string, IReadOnlyList<string>, string?> Run)
{
    /// <summary>Those of this process.</summary>
    public static InstallParts OfThisProcess { get; } =
        new(
            Environment.ProcessPath ?? "datapath",
            !File.Exists(Path.Combine(AppContext.BaseDirectory, "datapath.dll")),
            // What sd_booted(3) looks at.
            Directory.Exists("/run/systemd/system"),
            HostPrograms.Run
        );
}
