namespace Datapath.Interop.Libc;

/// <summary>What is mounted where, as the processes of one mount namespace see it.</summary>
/// <param name="text">The content of a file <c>/proc/PID/mountinfo</c>.</param>
/// <remarks>proc_pid_mountinfo(5).</remarks>
public sealed class MountTable(string text)
{
    // Mount id, parent, device, root, mount point, options; optional fields; "-"; type of the file system, source, options.
    private const int IdField = 0;
    private const int ParentField = 1;
    private const int DeviceField = 2;
    private const int PointField = 4;
    private const int OptionalField = 6;

    private readonly List<Mount> _mounts = [.. text.Split('\n').Select(Parse).OfType<Mount>()];

    /// <summary>The mounts that a process sees.</summary>
    /// <param name="process">Its number, or <c>self</c>.</param>
    /// <exception cref="IOException">There is no such process.</exception>
    /// <exception cref="UnauthorizedAccessException">Not permitted.</exception>
    public static MountTable Of(string process) => new(File.ReadAllText($"/proc/{process}/mountinfo"));

    /// <summary>The device number, such as <c>0:29</c>, of the file system mounted at a place; null when there is none of that type.</summary>
    /// <param name="mountPoint">Absolute, without a trailing slash.</param>
    /// <param name="type">Such as <c>bpf</c>.</param>
    public string? DeviceAt(string mountPoint, string type) => At(mountPoint) is { } top && top.Type == type ? top.Device : null;

    /// <summary>The type of the file system mounted at a place; null when there is none, or one on a directory above hides it.</summary>
    /// <param name="mountPoint">Absolute, without a trailing slash.</param>
    public string? TypeAt(string mountPoint) => At(mountPoint)?.Type;

    /// <summary>Where a file system of a type is mounted; null when none is.</summary>
    /// <param name="type">Such as <c>cgroup2</c>.</param>
    public string? PlaceOf(string type) => _mounts.FirstOrDefault(mount => mount.Type == type)?.Point;

    /// <summary>Whether a file system is mounted anywhere.</summary>
    /// <param name="device">From <see cref="DeviceAt"/>, of any namespace of this kernel.</param>
    public bool Has(string device) => _mounts.Any(mount => mount.Device == device);

    private Mount? At(string mountPoint) => _mounts.LastOrDefault(mount => mount.Point == mountPoint && !_mounts.Any(other => Hides(other, mount)));

    // One on top of the other has it as its parent; one on a directory above has the same parent, and paths meet it first.
    private static bool Hides(Mount other, Mount mount) =>
        (other.Parent == mount.Id && other.Point == mount.Point)
        || (other.Parent == mount.Parent && other.Id != mount.Id && mount.Point.StartsWith($"{other.Point.TrimEnd('/')}/", StringComparison.Ordinal));

    private static Mount? Parse(string line)
    {
        string[] fields = line.Split(' ');
        int separator = fields.Length > OptionalField ? Array.IndexOf(fields, "-", OptionalField) : -1;
        return separator > 0 && separator + 1 < fields.Length
            ? new Mount(fields[IdField], fields[ParentField], fields[DeviceField], Unescape(fields[PointField]), fields[separator + 1])
            : null;
    }

    // A blank would end the field.
    private static string Unescape(string field) => field.Replace("\\040", " ", StringComparison.Ordinal);

    private sealed record Mount(string Id, string Parent, string Device, string Point, string Type);
}
