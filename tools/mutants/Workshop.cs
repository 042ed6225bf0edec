using System.Text.RegularExpressions;
using System.Xml.Linq;
using Datapath.Interop.Processes;

namespace Datapath.Mutants;

/// <summary>Builds the copy with a fault in it and runs the tests that must notice.</summary>
internal sealed partial class Workshop(TreeCopy tree, string configuration)
{
    private static readonly TimeSpan BuildTimeout = TimeSpan.FromMinutes(15);

    // A fault may make a test run for ever; the slowest class that mutants name takes seconds.
    private static readonly TimeSpan TestTimeout = TimeSpan.FromMinutes(4);

    // What only people read is left out of these builds; the analyzers take most of a build's time.
    private static readonly string[] Quickly =
    [
        "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "-p:GenerateDocumentationFile=false", "-p:TreatWarningsAsErrors=false",
        "--verbosity", "quiet", "-nologo", "-consoleLoggerParameters:NoSummary",
    ];

    /// <summary>Builds everything that the tests of these mutants need, and sees those tests pass without a fault.</summary>
    /// <param name="mutants">The mutants.</param>
    /// <exception cref="MutantException">It does not build, or a test fails as it is: then its failing would prove nothing.</exception>
    public async Task PrepareAsync(IReadOnlyCollection<Mutant> mutants)
    {
        foreach (IGrouping<string, string> one in mutants.GroupBy(mutant => mutant.TestProject, mutant => mutant.TestClass))
        {
            await BuildAsync($"tests/{one.Key}", withReferences: true, "the tree as it is");
            TestOutcome outcome = await TestAsync(one.Key, [.. one.Distinct()]);
            if (outcome is not { FailedTest: null })
            {
                throw new MutantException($"{outcome.FailedTest} of {one.Key} fails without any fault");
            }

            if (outcome.Passed == 0)
            {
                throw new MutantException($"no test of {one.Key} ran: {string.Join(", ", one.Distinct())}");
            }
        }
    }

    /// <summary>Plants a fault, runs its tests, and takes it out again.</summary>
    /// <param name="mutant">The fault.</param>
    /// <returns>The test that noticed; null when none did.</returns>
    /// <exception cref="MutantException">It cannot be planted or does not compile.</exception>
    public async Task<string?> TryAsync(Mutant mutant)
    {
        string file = Path.Combine(tree.Root, mutant.File);
        string sound = await File.ReadAllTextAsync(file);
        string assembly = AssemblyOf(mutant.File);
        string project = Path.Combine(tree.Root, ProjectOf(mutant.File));
        string[] installed = [.. PlacesOf(assembly, mutant.TestProject)];
        byte[] soundAssembly = await File.ReadAllBytesAsync(installed[0]);
        try
        {
            await File.WriteAllTextAsync(file, mutant.Plant(sound));
            await BuildAsync(ProjectOf(mutant.File), withReferences: false, $"mutant {mutant.Name}");
            byte[] mutated = await File.ReadAllBytesAsync(Path.Combine(FolderOf(project), assembly));
            if (mutated.AsSpan().SequenceEqual(soundAssembly))
            {
                throw new MutantException($"mutant {mutant.Name} changes nothing in {assembly}");
            }

            await InstallAsync(mutated, installed);
            return (await TestAsync(mutant.TestProject, [mutant.TestClass])).FailedTest;
        }
        finally
        {
            await File.WriteAllTextAsync(file, sound);
            await InstallAsync(soundAssembly, installed);
        }
    }

    private static async Task InstallAsync(byte[] assembly, string[] places)
    {
        foreach (string place in places)
        {
            await File.WriteAllBytesAsync(place, assembly);
        }
    }

    // Tests load an assembly from beside them; some of them run the executable, which has its own.
    private IEnumerable<string> PlacesOf(string assembly, string testProject) =>
        ((string[])[Path.Combine("tests", testProject), Path.Combine("src", "Datapath.Agent")])
            .Select(project => Path.Combine(FolderOf(Path.Combine(tree.Root, project)), assembly))
            .Where((path, place) => place == 0 || File.Exists(path));

    // The kernel half is embedded into the assembly that loads it.
    private static string ProjectOf(string file) =>
        file.StartsWith("bpf/", StringComparison.Ordinal) ? "src/Datapath.Backends" : string.Join('/', file.Split('/')[..2]);

    private string AssemblyOf(string file)
    {
        string project = Directory.EnumerateFiles(Path.Combine(tree.Root, ProjectOf(file)), "*.csproj").Single();
        string? name = XDocument.Load(project).Descendants("AssemblyName").FirstOrDefault()?.Value;
        return (name ?? Path.GetFileNameWithoutExtension(project)) + ".dll";
    }

    private string FolderOf(string project) => Path.Combine(project, "bin", configuration, "net10.0");

    private async Task BuildAsync(string project, bool withReferences, string what)
    {
        string[] scope = withReferences ? [] : ["--no-restore", "--no-dependencies"];
        CommandResult built = await CommandRunner.RunAsync(
            "dotnet",
            ["build", Path.Combine(tree.Root, project), "--configuration", configuration, .. scope, .. Quickly],
            timeout: BuildTimeout
        );
        if (built.ExitCode != 0)
        {
            throw new MutantException($"{what} does not build:\n{built.StandardOutput.Trim()}\n{built.StandardError.Trim()}");
        }
    }

    private async Task<TestOutcome> TestAsync(string project, string[] classes)
    {
        string program = Path.Combine(FolderOf(Path.Combine(tree.Root, "tests", project)), project + ".dll");
        string[] filters = [.. classes.SelectMany(one => (string[])["-class", $"*.{one}"])];
        try
        {
            CommandResult result = await CommandRunner.RunAsync("dotnet", [program, "-noColor", "-noLogo", .. filters], timeout: TestTimeout);
            string? failed = FailedTest().Match(result.StandardOutput) is { Success: true } match ? match.Groups["name"].Value : null;
            Match total = Total().Match(result.StandardOutput);
            if (failed is null && (result.ExitCode != 0 || !total.Success))
            {
                failed = $"the test program, with exit code {result.ExitCode}";
            }

            return new TestOutcome(failed, total.Success ? int.Parse(total.Groups["total"].Value) - int.Parse(total.Groups["skipped"].Value) : 0);
        }
        catch (CommandException) when (classes.Length == 1)
        {
            return new TestOutcome($"the clock: no end after {TestTimeout.TotalMinutes} minutes", 0);
        }
    }

    [GeneratedRegex(@"^\s+Datapath\.[\w.]*\.(?<name>\w+\.\w+)(\(.*)? \[FAIL\]", RegexOptions.ExplicitCapture | RegexOptions.Multiline, matchTimeoutMilliseconds: 5000)]
    private static partial Regex FailedTest();

    [GeneratedRegex(@"Total: (?<total>\d+).*Skipped: (?<skipped>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Total();

    private sealed record TestOutcome(string? FailedTest, int Passed);
}
