using System.Collections.Immutable;
using System.IO.Compression;

namespace Datapath.Backends.Host;

/// <summary>What files tell of the kernel's parts. Nothing is loaded to find out.</summary>
internal sealed record ModuleFacts
{
    /// <summary>Names below /sys/module: loaded, or built in with something to set.</summary>
    public ImmutableHashSet<string> Present { get; init; } = [];

    /// <summary>Text of /proc/modules; null when it cannot be read, as in a kernel without modules.</summary>
    public string? Loaded { get; init; }

    /// <summary>Text of the kernel's configuration; null when nobody kept it.</summary>
    public string? Configuration { get; init; }

    /// <summary>Text of modules.builtin of the running kernel; null without its directory.</summary>
    public string? BuiltIn { get; init; }

    /// <summary>Text of modules.dep of the running kernel; null without its directory.</summary>
    public string? Loadable { get; init; }

    /// <summary>Whether the kernel takes no more modules until it is rebooted.</summary>
    public bool IsClosed { get; init; }

    /// <summary>Looks.</summary>
    /// <param name="release">The running kernel, as <c>uname -r</c> prints it.</param>
    public static ModuleFacts Read(string release)
    {
        string directory = $"/lib/modules/{release}";
        return new ModuleFacts
        {
            Present = Directory.Exists("/sys/module") ? [.. Directory.EnumerateDirectories("/sys/module").Select(path => Path.GetFileName(path)!)] : [],
            Loaded = HostFiles.ReadText("/proc/modules"),
            Configuration = ReadCompressed("/proc/config.gz") ?? HostFiles.ReadText($"/boot/config-{release}"),
            BuiltIn = HostFiles.ReadText($"{directory}/modules.builtin"),
            Loadable = HostFiles.ReadText($"{directory}/modules.dep"),
            IsClosed = HostFiles.ReadText("/proc/sys/kernel/modules_disabled")?.Trim() == "1",
        };
    }

    /// <summary>Looks for a part of the kernel. Null where the files do not tell.</summary>
    /// <param name="module">The module's name with underscores, such as <c>xt_set</c>.</param>
    /// <param name="options">Options of the configuration that make it, without <c>CONFIG_</c>; any of them is enough.</param>
    public (bool? IsThere, string Evidence) Find(string module, params ReadOnlySpan<string> options)
    {
        if (Present.Contains(module) || Lists(Loaded, $"{module} "))
        {
            return (true, "in the kernel");
        }

        if (Names(BuiltIn, module) || HasOption(options, 'y'))
        {
            return (true, "built into the kernel");
        }

        if (Names(Loadable, module))
        {
            return IsClosed
                ? (false, "not loaded, and the kernel takes no more modules (kernel.modules_disabled is 1)")
                : (true, "not loaded yet; loaded when it is used");
        }

        if (Loadable is not null)
        {
            return (false, "neither in the kernel nor among its modules");
        }

        return (Configuration is null, HasOption(options, 'm')) switch
        {
            (true, _) => (null, "neither the kernel's modules nor its configuration are to be seen"),
            (_, true) => (null, "the kernel was built with it as a module, and its modules are not to be seen"),
            _ => (false, "the kernel was built without it"),
        };
    }

    /// <summary>Whether a part is in the kernel already, so that using it loads nothing.</summary>
    /// <param name="module">The module's name with underscores.</param>
    /// <param name="option">The option that builds it in.</param>
    public bool IsInUse(string module, string option) =>
        Present.Contains(module) || Lists(Loaded, $"{module} ") || Names(BuiltIn, module) || HasOption([option], 'y');

    private static string? ReadCompressed(string path)
    {
        try
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
            return reader.ReadToEnd();
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    private bool HasOption(ReadOnlySpan<string> options, char value)
    {
        foreach (string option in options)
        {
            if (Lists(Configuration, $"CONFIG_{option}={value}"))
            {
                return true;
            }
        }

        return false;
    }

    // kernel/net/netfilter/xt_set.ko, perhaps compressed, perhaps with a dash for an underscore, perhaps with a colon and what it needs.
    private static bool Names(string? list, string module) =>
        list is not null && list.Replace('-', '_').Contains($"/{module}.ko", StringComparison.Ordinal);

    private static bool Lists(string? lines, string beginning) =>
        lines is not null && (lines.StartsWith(beginning, StringComparison.Ordinal) || lines.Contains($"\n{beginning}", StringComparison.Ordinal));
}
