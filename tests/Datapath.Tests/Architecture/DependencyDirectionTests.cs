using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>The arrows between assemblies and folders, as in the table of ARCHITECTURE.md.</summary>
public sealed class DependencyDirectionTests
{
    /// <summary>Which of our assemblies each production project may name.</summary>
    private static readonly ImmutableDictionary<string, ImmutableHashSet<string>> Allowed = new Dictionary<string, ImmutableHashSet<string>>(
        StringComparer.Ordinal
    )
    {
        ["Datapath.Policy"] = [],
        ["Datapath.Flows"] = ["Datapath.Policy"],
        ["Datapath.Interop"] = [],
        ["Datapath.Backends"] = ["Datapath.Policy", "Datapath.Flows", "Datapath.Interop"],
        ["Datapath.Agent"] = ["Datapath.Policy", "Datapath.Flows", "Datapath.Backends"],
    }.ToImmutableDictionary(StringComparer.Ordinal);

    public static TheoryData<string> Projects => [.. Allowed.Keys];

    [Fact]
    public void Every_production_project_has_its_row() =>
        Assert.Equal(
            Allowed.Keys.Order(StringComparer.Ordinal),
            Repository
                .Files.Where(path => path.EndsWith(".csproj", StringComparison.Ordinal))
                .Where(path => path.StartsWith("src/", StringComparison.Ordinal) || path.StartsWith("interop/", StringComparison.Ordinal))
                .Select(path => Path.GetFileNameWithoutExtension(path))
                .Order(StringComparer.Ordinal)
        );

    [Theory, MemberData(nameof(Projects))]
    public void A_project_refers_only_to_what_its_row_names(string project)
    {
        var path = Repository.Files.Single(file => file.EndsWith($"/{project}.csproj", StringComparison.Ordinal));
        var named = XDocument
            .Parse(Repository.Read(path))
            .Descendants("ProjectReference")
            // A tool that the build runs is built before, and the assembly knows nothing of it.
            .Where(reference => !string.Equals((string?)reference.Attribute("ReferenceOutputAssembly"), "false", StringComparison.Ordinal))
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));
        Assert.Empty(named.Except(Allowed[project]));
    }

    [Theory, MemberData(nameof(Projects))]
    public void An_assembly_refers_only_to_what_its_row_names(string project)
    {
        // The compiler writes a reference for what the code uses, however it came to be visible.
        var assembly = string.Equals(project, "Datapath.Agent", StringComparison.Ordinal) ? "datapath.dll" : $"{project}.dll";
        using var file = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, assembly)));
        var metadata = file.GetMetadataReader();
        var named = metadata
            .AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))
            .Where(name => name.StartsWith("Datapath.", StringComparison.Ordinal));
        Assert.Empty(named.Except(Allowed[project]));
    }

    [Theory]
    [InlineData(@"\bYamlDotNet\b", "src/Datapath.Policy/Rulesets/")]
    [InlineData(@"\b(LibraryImport|DllImport)\(", "interop/Datapath.Interop/")]
    [InlineData(@"\bnew ProcessStartInfo\b|\bProcess\.Start\(", "interop/Datapath.Interop/Processes/")]
    [InlineData(@"\bConsole\.(Write|Read|(Out|Error)\.)", "src/Datapath.Agent/Commands/")]
    public void A_thing_with_one_home_is_seen_nowhere_else(string thing, string home)
    {
        var strangers = ProductionSources()
            .Where(path => !path.StartsWith(home, StringComparison.Ordinal))
            .Where(path => Regex.IsMatch(WithoutComments(Repository.Read(path)), thing, RegexOptions.None, TimeSpan.FromSeconds(5)));
        Assert.Empty(strangers);
    }

    [Theory]
    [InlineData("src/Datapath.Backends/Ebpf/", "Datapath.Backends.Iptables")]
    [InlineData("src/Datapath.Backends/Iptables/", "Datapath.Backends.Ebpf")]
    [InlineData("src/Datapath.Backends/Reconciliation/", "Datapath.Backends.Ebpf")]
    [InlineData("src/Datapath.Backends/Reconciliation/", "Datapath.Backends.Iptables")]
    [InlineData("src/Datapath.Policy/Rulesets/", "Datapath.Policy.Resolution")]
    [InlineData("src/Datapath.Policy/Evaluation/", "Datapath.Policy.Resolution")]
    public void A_folder_never_names_the_other(string folder, string other)
    {
        var pattern = $@"\b{Regex.Escape(other)}\b";
        Assert.DoesNotContain(
            Repository.Written(folder, ".cs"),
            path => Regex.IsMatch(WithoutComments(Repository.Read(path)), pattern, RegexOptions.None, TimeSpan.FromSeconds(5))
        );
    }

    private static IEnumerable<string> ProductionSources() =>
        Repository.Written("src/", ".cs").Concat(Repository.Written("interop/", ".cs"));

    private static string WithoutComments(string source) =>
        Regex.Replace(source, "//.*$", "", RegexOptions.Multiline, TimeSpan.FromSeconds(5));
}
