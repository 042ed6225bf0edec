using System.Collections.Immutable;
using System.IO.Enumeration;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Host;

/// <summary>A cgroup of this host.</summary>
/// <param name="Path">Below the root of the hierarchy, beginning with a slash.</param>
/// <param name="Id">The kernel's number of it.</param>
public sealed record HostCgroup(string Path, ulong Id)
{
    /// <summary>How far below the root it is; 1 for a child of the root.</summary>
    public int Depth => Path.Count(letter => letter == '/');

    /// <summary>Whether another one is the same or lies below.</summary>
    /// <param name="path">Its path.</param>
    public bool Holds(string path) => path == Path || path.StartsWith(Path + '/', StringComparison.Ordinal);
}

/// <summary>The unified hierarchy of cgroups, as this process sees it.</summary>
/// <param name="root">Where it is mounted.</param>
public sealed class CgroupTree(string root)
{
    /// <summary>In a path of a policy: any letters but a slash.</summary>
    private const char Wildcard = '*';

    /// <summary>Where the hierarchy is mounted.</summary>
    public string Root => root;

    /// <summary>The hierarchy of this host; null when none is mounted.</summary>
    public static CgroupTree? Find() => MountTable.Of("self").PlaceOf("cgroup2") is { } place ? new CgroupTree(place) : null;

    /// <summary>The cgroups that a path of a policy means now, by ascending path.</summary>
    /// <param name="path">As in a policy: below the root, <c>*</c> for any letters within a part.</param>
    public ImmutableArray<HostCgroup> Named(string path)
    {
        IEnumerable<string> found = [""];
        foreach (string part in path[1..].Split('/'))
        {
            found = found.SelectMany(above => part.Contains(Wildcard, StringComparison.Ordinal) ? Children(above, part) : [$"{above}/{part}"]);
        }

        return [.. found.Select(Cgroup).OfType<HostCgroup>().OrderBy(one => one.Path, StringComparer.Ordinal)];
    }

    /// <summary>A cgroup and everything below it; nothing when it is gone.</summary>
    /// <param name="top">The cgroup.</param>
    public IEnumerable<HostCgroup> Below(HostCgroup top)
    {
        ArgumentNullException.ThrowIfNull(top);
        return Children(top.Path, "*").Select(Cgroup).OfType<HostCgroup>().SelectMany(Below).Prepend(top);
    }

    /// <summary>The directory of a cgroup.</summary>
    /// <param name="path">Below the root, beginning with a slash.</param>
    public string DirectoryOf(string path) => root + path;

    private HostCgroup? Cgroup(string path) => Interop.Libc.Cgroup.FindId(DirectoryOf(path)) is { } id ? new HostCgroup(path, id) : null;

    private List<string> Children(string above, string pattern)
    {
        try
        {
            return
            [
                .. Directory
                    .EnumerateDirectories(DirectoryOf(above))
                    .Select(child => System.IO.Path.GetFileName(child)!)
                    .Where(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false))
                    .Select(name => $"{above}/{name}"),
            ];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (IOException)
        {
            // ENODEV: removed while we read.
            return [];
        }
    }
}
