using Datapath.Backends.Host;

namespace Datapath.Agent.Files;

/// <summary>
/// Policies under the state directory, each a directory named after its hash, and the record that says what they are. A policy is complete
/// before the record names it, and the record is replaced as one: whenever the host dies, what is read next is one truth.
/// </summary>
/// <param name="stateDirectory">Made when the first policy is kept.</param>
internal sealed class PolicyArchive(string stateDirectory)
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _recordPath = Path.Combine(stateDirectory, "policy-record");
    private readonly string _policies = Path.Combine(stateDirectory, "policies");

    /// <summary>The record; an empty one when there is none, or when it is damaged.</summary>
    /// <param name="problem">Why what is there cannot be used; null when it can, or when there is nothing.</param>
    public PolicyRecord Load(out string? problem)
    {
        problem = null;
        try
        {
            if (PolicyRecord.Parse(File.ReadAllText(_recordPath)) is { } record)
            {
                return record;
            }

            problem = $"{_recordPath} is damaged";
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            // The first start.
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            problem = refusal.Message;
        }

        return new PolicyRecord();
    }

    /// <summary>Keeps a policy; nothing is said of it yet.</summary>
    /// <param name="policy">The policy.</param>
    /// <exception cref="IOException">The disk refuses.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Keep(PolicySet policy)
    {
        string path = PathOf(policy.Hash);
        if (Directory.Exists(path))
        {
            return;
        }

        string temporary = path + ".new";
        if (Directory.Exists(temporary))
        {
            Directory.Delete(temporary, recursive: true);
        }

        Directory.CreateDirectory(temporary, DurableFile.OwnerDirectory);
        foreach (PolicyFile file in policy.Files)
        {
            DurableFile.Write(Path.Combine(temporary, file.Name), file.Text, FileMode);
        }

        HostFiles.Flush(temporary);
        Directory.Move(temporary, path);
        HostFiles.Flush(_policies);
    }

    /// <summary>Replaces the record, then forgets policies that it does not name.</summary>
    /// <param name="record">What holds from now on.</param>
    /// <exception cref="IOException">The disk refuses; the old record holds.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory may not be written.</exception>
    public void Save(PolicyRecord record)
    {
        DurableFile.Replace(_recordPath, record.Print());
        if (!Directory.Exists(_policies))
        {
            return;
        }

        HashSet<string> kept = [.. record.Kept];
        foreach (string path in Directory.GetDirectories(_policies).Where(path => !kept.Contains(Path.GetFileName(path))))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Reads a policy that was kept.</summary>
    /// <param name="hash">Which.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null when it is not there, or not what was kept.</returns>
    public async Task<PolicySource?> ReadAsync(string hash, CancellationToken cancellation)
    {
        PolicySource source = await PolicyFileReader.ReadDirectoryAsync(PathOf(hash), cancellation);
        bool isWhole = source.Diagnostics.IsEmpty && string.Equals(PolicySet.Of(source).Hash, hash, StringComparison.Ordinal);
        return isWhole && Directory.Exists(PathOf(hash)) ? source : null;
    }

    private string PathOf(string hash) => Path.Combine(_policies, hash);
}
