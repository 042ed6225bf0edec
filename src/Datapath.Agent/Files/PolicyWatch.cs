namespace Datapath.Agent.Files;

/// <summary>Notices that a policy directory may have changed: its files, the directory itself, or what a link of its name leads to.</summary>
/// <remarks>
/// inotify gives speed, a rescan gives certainty. inotify watches an inode, so after a rename in its place the old directory would be
/// watched for ever; it sees nothing on network file systems, and a host can run out of instances. The rescan compares names, times and sizes.
/// </remarks>
internal sealed class PolicyWatch : IDisposable
{
    /// <summary>How late a change is noticed that inotify does not tell.</summary>
    public static readonly TimeSpan DefaultRescan = TimeSpan.FromSeconds(2);

    private readonly string _directory;
    private readonly Action _changed;
    private readonly Lock _turn = new();
    private readonly ITimer _rescan;
    private readonly FileSystemWatcher? _parent;
    private FileSystemWatcher? _content;
    private string _fingerprint;
    private bool _isDisposed;

    /// <summary>Starts to watch.</summary>
    /// <param name="directory">The policy directory; need not exist.</param>
    /// <param name="changed">Called on any thread, also when nothing that matters has changed.</param>
    /// <param name="clock">Times the rescan.</param>
    /// <param name="rescan">Time between rescans.</param>
    public PolicyWatch(string directory, Action changed, TimeProvider clock, TimeSpan rescan)
    {
        _directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        _changed = changed;
        _fingerprint = PolicyDirectory.Fingerprint(_directory);
        _parent = Watch(Path.GetDirectoryName(_directory), OnParent);
        _content = WatchContent();
        _rescan = clock.CreateTimer(_ => Rescan(), state: null, rescan, rescan);
    }

    /// <summary>False when only the rescan tells of changes, because inotify is not to be had.</summary>
    public bool IsPrompt => _parent is not null || _content is not null;

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_turn)
        {
            _isDisposed = true;
            _content?.Dispose();
        }

        _rescan.Dispose();
        _parent?.Dispose();
    }

    private static FileSystemWatcher? Watch(string? directory, Action<string?> onEvent)
    {
        if (directory is null || !Directory.Exists(directory))
        {
            return null;
        }

        try
        {
            FileSystemWatcher watcher = new(directory);
            watcher.NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size;
            watcher.Changed += (_, change) => onEvent(change.Name);
            watcher.Created += (_, change) => onEvent(change.Name);
            watcher.Deleted += (_, change) => onEvent(change.Name);
            watcher.Renamed += (_, change) =>
            {
                onEvent(change.OldName);
                onEvent(change.Name);
            };
            // The queue ran over: anything may have happened.
            watcher.Error += (_, _) => onEvent(null);
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception refusal) when (refusal is IOException or ArgumentException or UnauthorizedAccessException)
        {
            // No inotify instance left, or the directory vanished meanwhile: the rescan notices everything all the same.
            return null;
        }
    }

    private FileSystemWatcher? WatchContent()
    {
        FileSystemInfo? target = null;
        try
        {
            target = Directory.ResolveLinkTarget(_directory, returnFinalTarget: true);
        }
        catch (IOException)
        {
            // It does not exist (yet), or leads in a circle.
        }

        return Watch(target?.FullName ?? _directory, _ => _changed());
    }

    private void OnParent(string? name)
    {
        if (name is null || string.Equals(name, Path.GetFileName(_directory), StringComparison.Ordinal))
        {
            RewatchContent();
            _changed();
        }
    }

    private void Rescan()
    {
        string now = PolicyDirectory.Fingerprint(_directory);
        lock (_turn)
        {
            if (_isDisposed || string.Equals(now, _fingerprint, StringComparison.Ordinal))
            {
                return;
            }

            _fingerprint = now;
        }

        RewatchContent();
        _changed();
    }

    private void RewatchContent()
    {
        lock (_turn)
        {
            if (!_isDisposed)
            {
                _content?.Dispose();
                _content = WatchContent();
            }
        }
    }
}
