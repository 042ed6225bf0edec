using System.Text.RegularExpressions;
using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>Rules about files that no analyzer knows.</summary>
public sealed partial class TidyTests
{
    private static readonly string[] TextEndings =
    [
        ".cs", ".c", ".h", ".sh", ".md", ".yaml", ".yml", ".json", ".txt", ".props", ".targets", ".csproj", "Makefile", "build.sh", ".ci/run",
    ];

    public static TheoryData<string> TextFiles => [.. Repository.Written("", TextEndings)];

    [Theory, MemberData(nameof(TextFiles))]
    public void A_line_ends_where_its_text_does(string path)
    {
        var blanks = Repository
            .ReadLines(path)
            .Index()
            .Where(line => line.Item != line.Item.TrimEnd())
            .Select(line => line.Index + 1);
        Assert.Empty(blanks);
    }

    [Theory, MemberData(nameof(TextFiles))]
    public void A_file_ends_with_one_line_feed_and_has_no_carriage_return(string path)
    {
        var text = Repository.Read(path);
        Assert.DoesNotContain('\r', text);
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        Assert.False(text.EndsWith("\n\n", StringComparison.Ordinal), "blank lines at the end");
    }

    [Theory, MemberData(nameof(TextFiles))]
    public void Nothing_is_left_unfinished(string path) => Assert.DoesNotMatch(UnfinishedMark(), Repository.Read(path));

    [Fact]
    public void Every_source_file_says_what_it_is_for() =>
        Assert.All(
            Repository.Written("", ".cs", ".c", ".h", ".sh").Append("build.sh").Append(".ci/run").Distinct(StringComparer.Ordinal),
            path => Assert.True(SaysItsPurpose(path), $"{path} opens with no sentence about itself")
        );

    [Fact]
    public void The_top_level_is_what_the_architecture_says()
    {
        string[] folders = [".ci", "bpf", "docs", "examples", "interop", "src", "tests", "tools", "vagrant"];
        Assert.Equal(folders, Repository.Files.Where(path => path.Contains('/')).Select(path => path.Split('/')[0]).Distinct(StringComparer.Ordinal));
    }

    private static bool SaysItsPurpose(string path)
    {
        var text = Repository.Read(path);
        if (path.EndsWith(".cs", StringComparison.Ordinal))
        {
            // The first declaration is documented, or the file is statements under a comment.
            return PurposeOfCSharp().IsMatch(text)
                || text.Contains("[assembly:", StringComparison.Ordinal)
                || IsTestClass(path)
                || IsAspect(path);
        }

        return path.EndsWith(".c", StringComparison.Ordinal) || path.EndsWith(".h", StringComparison.Ordinal)
            ? PurposeOfC().IsMatch(text)
            : PurposeOfScript().IsMatch(text);
    }

    // The names of its tests say it, as sentences.
    private static bool IsTestClass(string path) =>
        path.StartsWith("tests/", StringComparison.Ordinal) && path.EndsWith("Tests.cs", StringComparison.Ordinal);

    // Type.Aspect.cs: the type says it in Type.cs.
    private static bool IsAspect(string path) =>
        Path.GetFileName(path).Split('.') is [var type, _, "cs"]
        && Repository.Files.Contains($"{Path.GetDirectoryName(path)}/{type}.cs", StringComparer.Ordinal);

    // Spelled in pieces, or this file would be unfinished itself.
    [GeneratedRegex(@"\b(T" + @"ODO|F" + @"IXME|H" + @"ACK|X" + @"XX|Not" + @"ImplementedException)\b", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex UnfinishedMark();

    [GeneratedRegex(@"\A(using .*\n|#.*\n|namespace .*;\n|\n)*(// \S|/// <summary>)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex PurposeOfCSharp();

    [GeneratedRegex(@"\A(// |/\* )SPDX-License-Identifier: GPL-2\.0-only OR BSD-2-Clause( \*/)?\n/\* \S", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex PurposeOfC();

    [GeneratedRegex(@"\A#!/usr/bin/env bash\n# \S", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex PurposeOfScript();
}
