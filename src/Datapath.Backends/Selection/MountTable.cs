using System.Collections.Immutable;

namespace Datapath.Backends.Selection;

/// <summary>The mounts of a process.</summary>
/// <param name="Mounts">In the order in which they were made.</param>
internal sealed record MountTable(ImmutableArray<MountTable.Mount> Mounts)
{
    /// <summary>Reads /proc/PID/mountinfo; lines that are none are left out.</summary>
    /// <param name="text">Its content.</param>
    /// <remarks>Fields: id, parent, device, root, mount point, options, optional fields, a dash, type; proc(5).</remarks>
    public static MountTable Parse(string text) =>
        new([.. text.Split('\n').Select(line => line.Split(' ')).Select(Read).OfType<Mount>()]);

    /// <summary>The mount that a path shows; null when nothing is mounted there, or something above hides it.</summary>
    /// <param name="place">An absolute path.</param>
    public Mount? At(string place) => Mounts.LastOrDefault(mount => mount.Place == place && !Mounts.Any(other => Hides(other, mount)));

    /// <summary>The first mount of a type; null for none.</summary>
    /// <param name="type">Such as <c>cgroup2</c>.</param>
    public Mount? OfType(string type) => Mounts.FirstOrDefault(mount => mount.Type == type);

    // One on top of the other has it as its parent; one on a directory above has the same parent, and paths meet it first.
    private static bool Hides(Mount other, Mount mount) =>
        (other.Parent == mount.Id && other.Place == mount.Place)
        || (other.Parent == mount.Parent && other.Id != mount.Id && mount.Place.StartsWith($"{other.Place.TrimEnd('/')}/", StringComparison.Ordinal));

    private static Mount? Read(string[] fields)
    {
        int dash = Array.IndexOf(fields, "-");
        return dash >= 6 && dash + 1 < fields.Length ? new Mount(fields[0], fields[1], fields[4], fields[dash + 1], fields[2]) : null;
    }

    /// <summary>One mount.</summary>
    /// <param name="Id">Its number.</param>
    /// <param name="Parent">The number of the mount that it is in.</param>
    /// <param name="Place">Where.</param>
    /// <param name="Type">Of which file system.</param>
    /// <param name="Device">Major and minor number; equal for two mounts of the same file system.</param>
    internal sealed record Mount(string Id, string Parent, string Place, string Type, string Device);
}
