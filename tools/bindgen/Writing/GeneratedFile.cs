using System.Text;

namespace Datapath.Bindgen.Writing;

/// <summary>A checked-in file that this program writes.</summary>
/// <param name="Path">Relative to the repository.</param>
/// <param name="Source">What it is made from, for the message.</param>
/// <param name="Header">Everything before the first block.</param>
/// <param name="Blocks">One after another, an empty line between.</param>
/// <param name="Footer">Everything after the last block.</param>
internal sealed record GeneratedFile(string Path, string Source, string Header, IReadOnlyList<Block> Blocks, string Footer = "")
{
    /// <summary>The whole file.</summary>
    internal string Text => Header + "\n" + string.Join("\n", Blocks.Select(block => block.Text)) + Footer;

    /// <summary>Writes it, if it is not so already.</summary>
    /// <returns>Whether it was different.</returns>
    internal bool Write(string repository)
    {
        string path = System.IO.Path.Combine(repository, Path);
        if (File.Exists(path) && File.ReadAllText(path) == Text)
        {
            return false;
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, Text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        return true;
    }

    /// <summary>Compares with what is checked in.</summary>
    /// <returns>A sentence that names what differs; null when nothing does.</returns>
    internal string? Difference(string repository)
    {
        string path = System.IO.Path.Combine(repository, Path);
        string present = File.Exists(path) ? File.ReadAllText(path) : "";
        if (present == Text)
        {
            return null;
        }

        string[] changed = [.. Blocks.Where(block => !present.Contains(block.Text, StringComparison.Ordinal)).Select(block => block.Subject)];
        string what = changed.Length > 0 ? string.Join(", ", changed) : "something that is gone";
        return $"{what} changed: {Path} is not what {Source} says; regenerate it with ./build.sh fix";
    }
}
