using System.Globalization;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>Paths of cgroups by their ids, remembered: events name the same few again and again, and some that are gone by then.</summary>
internal sealed class CgroupNames
{
    private const int Most = 4096;

    private readonly Dictionary<ulong, string> _known = [];
    private readonly Cgroup? _root;
    private readonly string _mount = "";

    /// <summary>Opens the hierarchy, where there is one.</summary>
    public CgroupNames()
    {
        try
        {
            if (CgroupTree.Find() is { } tree)
            {
                _mount = tree.Root;
                _root = Cgroup.Open(tree.Root);
            }
        }
        catch (KernelException)
        {
            // Then events carry numbers.
        }
    }

    /// <summary>Path of a cgroup below the root of the hierarchy; its number where nobody knows it.</summary>
    /// <param name="id">Its id.</param>
    public string PathOf(ulong id)
    {
        if (_known.TryGetValue(id, out string? path))
        {
            return path;
        }

        if (_known.Count >= Most)
        {
            _known.Clear();
        }

        path = _root is not null && Cgroup.FindPath(_root, id) is { } found && found.StartsWith(_mount, StringComparison.Ordinal)
            ? found.Length == _mount.Length ? "/" : found[_mount.Length..]
            : id.ToString(CultureInfo.InvariantCulture);
        _known.Add(id, path);
        return path;
    }
}
