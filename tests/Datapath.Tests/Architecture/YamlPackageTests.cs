using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Architecture;

public sealed class YamlPackageTests
{
    private static readonly string[] Folders = ["src", "interop", "tools"];

    [Fact]
    public void Only_the_document_parser_sees_the_yaml_package()
    {
        IEnumerable<string> users = Folders
            .SelectMany(static folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(static path => !path.Contains("/obj/", StringComparison.Ordinal))
            .Where(static path => File.ReadAllText(path).Contains("YamlDotNet", StringComparison.Ordinal))
            .Select(static path => Path.GetRelativePath(Repository.Root, path));
        Assert.Equal(["src/Datapath.Policy/Rulesets/Yaml/DocumentParser.cs"], users);
    }
}
