using System.Text;
using System.Text.Json;
using Datapath.Agent.Documents;

namespace Datapath.Agent.Files;

/// <summary>The file <c>audit.log</c> of the state directory: a line of JSON for each change of what is enforced, on the disk before it is answered.</summary>
/// <param name="stateDirectory">Made with the first line.</param>
internal sealed class AuditLog(string stateDirectory)
{
    /// <summary>Its name in the state directory.</summary>
    public const string FileName = "audit.log";

    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Where it is.</summary>
    public string Path { get; } = System.IO.Path.Combine(stateDirectory, FileName);

    /// <summary>Appends a line; what was written before is never touched.</summary>
    /// <param name="change">What happened.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Append(AuditDocument change)
    {
        Directory.CreateDirectory(stateDirectory, DurableFile.OwnerDirectory);
        FileStreamOptions options = new()
        {
            Mode = FileMode.Append,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            UnixCreateMode = Mode,
        };
        // Opened for each line: whoever moves the file away for keeping gets a new one, and needs to tell nobody.
        using FileStream file = new(Path, options);
        file.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(change, AgentJson.Compact.AuditDocument) + "\n"));
        file.Flush(flushToDisk: true);
    }
}
