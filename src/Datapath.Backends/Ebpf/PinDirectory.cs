using Datapath.Interop.Libbpf;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// The pins of one instance: what makes enforcement outlive the agent. One directory for each version of the layout, so that an agent
/// never opens maps whose structs it does not know.
/// </summary>
/// <param name="root">Mount point of the bpf file system.</param>
/// <param name="instance">Name of the instance.</param>
internal sealed class PinDirectory(string root, string instance)
{
    private const string Product = "datapath";
    private const int MostAttempts = 5;

    // No dot: the bpf file system refuses names with one (bpf_lookup in kernel/bpf/inode.c).
    private const string MadeQdiscSuffix = "-made-qdisc";

    /// <summary>The mount point.</summary>
    public string Root => root;

    /// <summary>Name of the instance.</summary>
    public string InstanceName => instance;

    /// <summary>Everything of the instance.</summary>
    public string Instance { get; } = Path.Combine(root, Product, instance);

    /// <summary>Maps of this layout.</summary>
    public string Maps => Path.Combine(Instance, $"v{Abi.Version}", "maps");

    /// <summary>Links of this layout.</summary>
    public string Links => Path.Combine(Instance, $"v{Abi.Version}", "links");

    /// <summary>The instances that have pins here, sorted.</summary>
    /// <param name="root">Mount point of the bpf file system.</param>
    public static IReadOnlyList<string> Instances(string root)
    {
        string product = Path.Combine(root, Product);
        return Directory.Exists(product)
            ? [.. Directory.EnumerateDirectories(product).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)]
            : [];
    }

    /// <summary>Whether an agent of this instance and layout has left anything here.</summary>
    public bool Exists() => Directory.Exists(Maps) && File.Exists(Map(DpMaps.Control.Name));

    /// <summary>Mounts the file system where it is missing and makes the directories.</summary>
    public void Create()
    {
        BpfFs.Mount(root);
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(Maps);
                Directory.CreateDirectory(Links);
                return;
            }
            catch (DirectoryNotFoundException) when (attempt < MostAttempts)
            {
                // The purge of another instance took the empty directory of the product away between two steps of ours.
            }
        }
    }

    /// <summary>Where a map is pinned.</summary>
    /// <param name="name">The map's name.</param>
    public string Map(string name) => Path.Combine(Maps, name);

    /// <summary>Where the link of a hook is pinned.</summary>
    /// <param name="hook">Interface and direction.</param>
    public string Link(TcHook hook) => Path.Combine(Links, $"{hook.InterfaceIndex}-{Word(hook.Direction)}");

    /// <summary>A directory that says: the clsact qdisc of this interface is ours. A bpf file system holds no ordinary files.</summary>
    /// <param name="interfaceIndex">The interface.</param>
    public string MadeQdisc(int interfaceIndex) => Path.Combine(Links, interfaceIndex + MadeQdiscSuffix);

    /// <summary>The interfaces whose clsact qdisc is ours.</summary>
    public IReadOnlyList<int> InterfacesWithMadeQdisc() =>
        Directory.Exists(Links)
            ?
            [
                .. Directory
                    .EnumerateDirectories(Links, "*" + MadeQdiscSuffix)
                    .Select(path => int.Parse(Path.GetFileName(path)[..^MadeQdiscSuffix.Length])),
            ]
            : [];

    /// <summary>The directories of maps that agents of other layouts left, in ordinal order.</summary>
    public IReadOnlyList<string> MapsOfOtherLayouts() =>
        Directory.Exists(Instance)
            ?
            [
                .. Directory
                    .EnumerateDirectories(Instance)
                    .Where(path => Path.GetFileName(path) != $"v{Abi.Version}")
                    .Select(path => Path.Combine(path, "maps"))
                    .Where(Directory.Exists)
                    .Order(StringComparer.Ordinal),
            ]
            : [];

    /// <summary>Removes the pins of other layouts, whose programs have left every hook.</summary>
    public void RemoveOtherLayouts()
    {
        foreach (string layout in Directory.EnumerateDirectories(Instance).Where(path => Path.GetFileName(path) != $"v{Abi.Version}").ToList())
        {
            RemoveLayout(layout);
        }
    }

    /// <summary>Removes the pins of this layout; what they held goes, unless something else holds it.</summary>
    public void RemoveThisLayout()
    {
        string layout = Path.Combine(Instance, $"v{Abi.Version}");
        if (Directory.Exists(layout))
        {
            RemoveLayout(layout);
        }
    }

    private static void RemoveLayout(string layout)
    {
        foreach (string pin in Directory.EnumerateFiles(layout, "*", SearchOption.AllDirectories).ToList())
        {
            BpfFs.Unpin(pin);
        }

        foreach (string directory in Directory.EnumerateDirectories(layout, "*", SearchOption.AllDirectories).OrderByDescending(path => path.Length).Append(layout).ToList())
        {
            Directory.Delete(directory);
        }
    }

    private static string Word(TcDirection direction) => direction == TcDirection.Ingress ? "ingress" : "egress";
}
