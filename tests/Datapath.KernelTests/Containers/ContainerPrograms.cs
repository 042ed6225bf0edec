namespace Datapath.KernelTests.Containers;

/// <summary>containerd, its tools and the CNI plugins, taken out of their packages by <c>tools/containerd/fetch.sh</c>.</summary>
internal static class ContainerPrograms
{
    /// <summary>Where the script puts them.</summary>
    public static string Cache { get; } = Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/root", ".cache"),
        "datapath",
        "containerd"
    );

    /// <summary>Path of one of them.</summary>
    /// <param name="program">Its name.</param>
    public static string PathOf(string program) =>
        Path.Combine(Cache, program) is { } path && File.Exists(path)
            ? path
            : throw new InvalidOperationException($"{program} is not in {Cache}: run tools/containerd/fetch.sh");
}
