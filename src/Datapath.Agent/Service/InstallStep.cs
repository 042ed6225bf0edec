namespace Datapath.Agent.Service;

/// <summary>What becomes of a part of an installation.</summary>
internal enum StepResult
{
    /// <summary>It was not there.</summary>
    Created,

    /// <summary>It was there, and other than it is to be.</summary>
    Changed,

    /// <summary>It is as it is to be.</summary>
    Unchanged,

    /// <summary>It is the user's from now on, whatever it says.</summary>
    Kept,

    /// <summary>It was there and is no more.</summary>
    Removed,

    /// <summary>A program was run.</summary>
    Done,
}

/// <summary>A part of an installation: how to get it there, and away.</summary>
/// <param name="Path">Its path in the installed system.</param>
internal abstract record InstallStep(string Path)
{
    /// <summary>It belongs to the user: <c>--keep-policy</c> leaves it.</summary>
    public bool IsOfUser { get; init; }

    /// <summary>Gets it there.</summary>
    /// <param name="place">Its path now.</param>
    /// <param name="dryRun">Only look.</param>
    /// <exception cref="IOException">It cannot be.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public abstract StepResult Install(string place, bool dryRun);

    /// <summary>Takes it away; whether there was anything.</summary>
    /// <param name="place">Its path now.</param>
    /// <param name="dryRun">Only look.</param>
    /// <exception cref="IOException">It cannot be.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public abstract bool Remove(string place, bool dryRun);

    /// <summary>The directory of a path; one that has to be made is open for reading.</summary>
    protected static void MakeParent(string place) => Directory.CreateDirectory(System.IO.Path.GetDirectoryName(place)!);
}

/// <summary>A directory, with all that comes into it.</summary>
/// <param name="Path">Its path in the installed system.</param>
/// <param name="Mode">Who may do what.</param>
internal sealed record DirectoryStep(string Path, UnixFileMode Mode) : InstallStep(Path)
{
    /// <inheritdoc/>
    public override StepResult Install(string place, bool dryRun)
    {
        if (Directory.Exists(place))
        {
            // Whoever gave it another mode had a reason.
            return StepResult.Unchanged;
        }

        if (!dryRun)
        {
            MakeParent(place);
            Directory.CreateDirectory(place);
            // Not as an argument above: the umask would take away of it.
            File.SetUnixFileMode(place, Mode);
        }

        return StepResult.Created;
    }

    /// <inheritdoc/>
    public override bool Remove(string place, bool dryRun)
    {
        bool isThere = Directory.Exists(place);
        if (isThere && !dryRun)
        {
            Directory.Delete(place, recursive: true);
        }

        return isThere;
    }
}

/// <summary>A file.</summary>
/// <param name="Path">Its path in the installed system.</param>
/// <param name="Open">Its content, from the beginning.</param>
internal sealed record FileStep(string Path, Func<Stream> Open) : InstallStep(Path)
{
    /// <summary>Who may do what.</summary>
    public UnixFileMode Mode { get; init; } = (UnixFileMode)0b110_100_100;

    /// <inheritdoc/>
    public override StepResult Install(string place, bool dryRun)
    {
        bool isThere = File.Exists(place);
        if (isThere && IsOfUser)
        {
            return StepResult.Kept;
        }

        if (isThere && File.GetUnixFileMode(place) == Mode && HasContent(place))
        {
            return StepResult.Unchanged;
        }

        if (!dryRun)
        {
            MakeParent(place);
            // Under its name in one step: nobody runs or reads half of it, and one that runs goes on with the old.
            string beside = $"{place}.new";
            File.Delete(beside);
            using (Stream from = Open())
            using (FileStream to = File.Create(beside))
            {
                File.SetUnixFileMode(to.SafeFileHandle, Mode);
                from.CopyTo(to);
                to.Flush(flushToDisk: true);
            }

            File.Move(beside, place, overwrite: true);
        }

        return isThere ? StepResult.Changed : StepResult.Created;
    }

    /// <inheritdoc/>
    public override bool Remove(string place, bool dryRun)
    {
        bool isThere = File.Exists(place);
        if (isThere && !dryRun)
        {
            File.Delete(place);
        }

        return isThere;
    }

    private bool HasContent(string place)
    {
        using Stream wanted = Open();
        using FileStream found = File.OpenRead(place);
        if (wanted.Length != found.Length)
        {
            return false;
        }

        byte[] one = new byte[1 << 16];
        byte[] other = new byte[1 << 16];
        int read;
        while ((read = wanted.ReadAtLeast(one, one.Length, throwOnEndOfStream: false)) > 0)
        {
            found.ReadExactly(other, 0, read);
            if (!one.AsSpan(0, read).SequenceEqual(other.AsSpan(0, read)))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>A symbolic link.</summary>
/// <param name="Path">Its path in the installed system.</param>
/// <param name="Target">What it leads to there.</param>
internal sealed record LinkStep(string Path, string Target) : InstallStep(Path)
{
    /// <inheritdoc/>
    public override StepResult Install(string place, bool dryRun)
    {
        FileInfo link = new(place);
        if (link.LinkTarget == Target)
        {
            return StepResult.Unchanged;
        }

        bool isThere = link.Exists || link.LinkTarget is not null;
        if (!dryRun)
        {
            MakeParent(place);
            File.Delete(place);
            File.CreateSymbolicLink(place, Target);
        }

        return isThere ? StepResult.Changed : StepResult.Created;
    }

    /// <inheritdoc/>
    public override bool Remove(string place, bool dryRun)
    {
        bool isThere = new FileInfo(place).LinkTarget is not null;
        if (isThere && !dryRun)
        {
            File.Delete(place);
        }

        return isThere;
    }
}
