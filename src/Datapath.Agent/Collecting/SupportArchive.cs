using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Datapath.Agent.Collecting;

/// <summary>A tar.gz that is written part by part, and the list of what is in it.</summary>
internal sealed class SupportArchive : IAsyncDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FileStream _file;
    private readonly GZipStream _compressed;
    private readonly TarWriter _tar;
    private readonly string _folder;
    private readonly DateTimeOffset _time;
    private readonly StringBuilder _manifest = new();

    /// <summary>Makes the file, for its owner only.</summary>
    /// <param name="path">Where; must not be there yet.</param>
    /// <param name="folder">The one folder that everything is in.</param>
    /// <param name="time">The time of every entry.</param>
    /// <exception cref="IOException">It is there already, or cannot be made.</exception>
    public SupportArchive(string path, string folder, DateTimeOffset time)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Mode };
        _file = new FileStream(path, options);
        _compressed = new GZipStream(_file, CompressionLevel.Optimal);
        _tar = new TarWriter(_compressed, TarEntryFormat.Pax);
        (_folder, _time) = (folder, time);
    }

    /// <summary>Adds a part.</summary>
    /// <param name="name">Its path in the folder.</param>
    /// <param name="text">Its content, from which secrets are left out.</param>
    public Task AddAsync(string name, string text) => AddAsync(name, Encoding.UTF8.GetBytes(Secrets.LeftOut(text)));

    /// <summary>Adds a part that is no text.</summary>
    /// <param name="name">Its path in the folder.</param>
    /// <param name="bytes">Its content.</param>
    public async Task AddAsync(string name, byte[] bytes)
    {
        _manifest.Append($"{name}: {bytes.Length} bytes\n");
        await WriteAsync(name, bytes);
    }

    /// <summary>Says why a part is not there.</summary>
    /// <param name="name">Its path in the folder.</param>
    /// <param name="reason">One sentence.</param>
    public void Lack(string name, string reason) => _manifest.Append($"{name}: left out: {Secrets.LeftOut(reason)}\n");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await WriteAsync("manifest.txt", Encoding.UTF8.GetBytes(_manifest.ToString()));
        await _tar.DisposeAsync();
        await _compressed.DisposeAsync();
        await _file.DisposeAsync();
    }

    private async Task WriteAsync(string name, byte[] bytes) =>
        await _tar.WriteEntryAsync(
            new PaxTarEntry(TarEntryType.RegularFile, $"{_folder}/{name}")
            {
                DataStream = new MemoryStream(bytes),
                Mode = Mode,
                ModificationTime = _time,
            }
        );
}
