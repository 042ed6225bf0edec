namespace Datapath.Mutants;

/// <summary>A planted fault and the tests that must notice it.</summary>
/// <remarks>
/// A file of <c>tests/mutants</c>: lines <c>fault:</c>, <c>file:</c> and <c>test:</c>, then <c>--- find</c>, the text as it is,
/// <c>--- put</c>, the text as it becomes.
/// </remarks>
/// <param name="Name">Name of its file, without the ending.</param>
/// <param name="Fault">What is wrong with the mutated program, in one line.</param>
/// <param name="File">The file to change, from the root of the tree.</param>
/// <param name="TestProject">The project of the tests.</param>
/// <param name="TestClass">The class that must fail, without its namespace.</param>
/// <param name="Find">Text that occurs once in the file.</param>
/// <param name="Put">What stands there instead.</param>
internal sealed record Mutant(string Name, string Fault, string File, string TestProject, string TestClass, string Find, string Put)
{
    /// <summary>Where mutants are kept, from the root of the tree.</summary>
    public const string Folder = "tests/mutants";

    private const string Ending = ".mutant";
    private const string FindMark = "--- find\n";
    private const string PutMark = "--- put\n";

    /// <summary>Tests of this project need root.</summary>
    public const string KernelTests = "Datapath.KernelTests";

    /// <summary>Whether only root can tell if the tests notice.</summary>
    public bool NeedsRoot => string.Equals(TestProject, KernelTests, StringComparison.Ordinal);

    /// <summary>All mutants of a tree, by name.</summary>
    /// <param name="root">The folder with the solution in it.</param>
    /// <exception cref="MutantException">A file is malformed.</exception>
    public static Mutant[] ReadAll(string root) =>
        [
            .. Directory
                .EnumerateFiles(Path.Combine(root, Folder), "*" + Ending)
                .Order(StringComparer.Ordinal)
                .Select(path => Parse(Path.GetFileNameWithoutExtension(path), System.IO.File.ReadAllText(path))),
        ];

    /// <summary>Reads the text of a file.</summary>
    /// <param name="name">What to call the mutant.</param>
    /// <param name="text">Lines end with a line feed.</param>
    /// <exception cref="MutantException">The text is malformed.</exception>
    public static Mutant Parse(string name, string text)
    {
        int find = text.IndexOf(FindMark, StringComparison.Ordinal);
        int put = text.IndexOf(PutMark, StringComparison.Ordinal);
        if (find < 0 || put < find)
        {
            throw new MutantException($"mutant {name} has no '--- find' with a '--- put' after it");
        }

        string head = text[..find];
        string[] test = Line(name, head, "test").Split(' ');
        return test is [var project, var tests]
            ? new Mutant(
                name,
                Line(name, head, "fault"),
                Line(name, head, "file"),
                project,
                tests,
                text[(find + FindMark.Length)..put],
                text[(put + PutMark.Length)..]
            )
            : throw new MutantException($"mutant {name} does not name its tests as 'PROJECT CLASS'");
    }

    /// <summary>The file's text with the fault in it.</summary>
    /// <param name="text">The file's text.</param>
    /// <exception cref="MutantException">What it changes is not there, or there more than once.</exception>
    public string Plant(string text)
    {
        int at = text.IndexOf(Find, StringComparison.Ordinal);
        if (at < 0 || text.IndexOf(Find, at + 1, StringComparison.Ordinal) >= 0)
        {
            throw new MutantException($"mutant {Name}: its text occurs {(at < 0 ? "nowhere" : "more than once")} in {File}");
        }

        return string.Concat(text.AsSpan(0, at), Put, text.AsSpan(at + Find.Length));
    }

    private static string Line(string name, string head, string key)
    {
        string mark = key + ": ";
        return head.Split('\n').FirstOrDefault(line => line.StartsWith(mark, StringComparison.Ordinal))?[mark.Length..]
            ?? throw new MutantException($"mutant {name} has no line '{mark.TrimEnd()}'");
    }
}
