using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>The ceilings of our files and functions: what outgrows one is doing two things.</summary>
public sealed class SizeTests
{
    private const int LongestFile = 400;
    private const int MedianFile = 90;
    private const int LongestMethod = 70;
    private const int LongestBpfFunction = 50;
    private const int LongestBpfProgram = 80;

    private static readonly string[] Production = ["src/", "interop/", "tools/", "bpf/"];

    public static TheoryData<string> Assemblies => ["Datapath.Policy", "Datapath.Flows", "Datapath.Interop", "Datapath.Backends", "datapath"];

    [Fact]
    public void No_file_is_longer_than_400_lines() =>
        Assert.All(
            Repository.Written("", ".cs", ".c", ".h", ".sh"),
            path => Assert.True(Repository.ReadLines(path).Length <= LongestFile, $"{path} has {Repository.ReadLines(path).Length} lines")
        );

    [Fact]
    public void Half_of_the_files_are_no_longer_than_90_lines()
    {
        var sizes = Production
            .SelectMany(folder => Repository.Written(folder, ".cs", ".c", ".h"))
            .Select(path => Repository.ReadLines(path).Length)
            .Order()
            .ToList();
        Assert.InRange(sizes[sizes.Count / 2], 1, MedianFile);
    }

    [Theory, MemberData(nameof(Assemblies))]
    public void No_method_is_longer_than_70_lines(string assembly)
    {
        var written = Repository.Written("", ".cs").Select(path => Path.Combine(Repository.Root, path)).ToHashSet(StringComparer.Ordinal);
        var tooLong = MethodSizes
            .Read(Path.Combine(AppContext.BaseDirectory, $"{assembly}.dll"))
            .Where(method => written.Contains(method.File) && method.Lines > LongestMethod)
            .Select(method => $"{Path.GetRelativePath(Repository.Root, method.File)}:{method.FirstLine} {method.Lines} lines");
        Assert.Empty(tooLong);
    }

    [Fact]
    public void No_bpf_function_is_longer_than_its_ceiling()
    {
        var tooLong = Repository
            .Written("bpf/", ".c", ".h")
            .SelectMany(path =>
                Functions(Repository.ReadLines(path))
                    .Where(function => function.Lines > (path.EndsWith(".c", StringComparison.Ordinal) ? LongestBpfProgram : LongestBpfFunction))
                    .Select(function => $"{path}:{function.FirstLine} {function.Lines} lines")
            );
        Assert.Empty(tooLong);
    }

    /// <summary>Kernel style: a function's body is from a brace in the first column to the next one that closes there.</summary>
    private static IEnumerable<(int FirstLine, int Lines)> Functions(string[] lines)
    {
        var open = -1;
        for (var index = 0; index < lines.Length; index++)
        {
            if (lines[index] == "{")
            {
                open = index;
            }
            else if (lines[index] == "}" && open >= 0)
            {
                yield return (open + 1, index - open + 1);
                open = -1;
            }
        }
    }
}
