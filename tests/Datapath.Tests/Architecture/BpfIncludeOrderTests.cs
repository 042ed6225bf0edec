using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Xunit;

namespace Datapath.Tests.Architecture;

/// <summary>Who may include whom in the kernel half: a file sees only what stands before it in one order.</summary>
public sealed partial class BpfIncludeOrderTests
{
    private static readonly ImmutableArray<string> Order =
    [
        "include/dp_abi.h",
        "include/dp_abi_account.h",
        "include/dp_abi_cgroup.h",
        "include/dp_abi_process.h",
        "abi_types.h",
        "config.h",
        "maps.h",
        "memory.h",
        "lib/packet.h",
        "lib/icmp.h",
        "lib/parse.h",
        "lib/plain.h",
        "lib/count.h",
        "lib/mark.h",
        "lib/flow.h",
        "lib/tcp.h",
        "lib/digest.h",
        "lib/policy.h",
        "lib/recall.h",
        "lib/conntrack.h",
        "lib/socket.h",
        "lib/judge.h",
        "lib/related.h",
        "lib/verdict.h",
        "lib/account.h",
        "lib/process.h",
        "lib/report.h",
        "lib/ask.h",
        "lib/place.h",
        "lib/reset.h",
        "lib/host.h",
        "lib/translated.h",
        "lib/cgroup.h",
        "lib/early.h",
        "lib/xdp.h",
        "segment.bpf.c",
    ];

    public static TheoryData<string> Sources => [.. Repository.Written("bpf/", ".c", ".h").Select(path => path["bpf/".Length..])];

    [Theory, MemberData(nameof(Sources))]
    public void A_file_includes_only_what_stands_before_it(string file)
    {
        var place = Order.IndexOf(file);
        Assert.True(place >= 0, $"bpf/{file} has no place in the order of this test");
        Assert.All(Included(file), included => Assert.InRange(Order.IndexOf(included), 0, place - 1));
    }

    [Fact]
    public void State_and_policy_do_not_know_each_other()
    {
        Assert.DoesNotContain("lib/policy.h", Included("lib/conntrack.h"));
        Assert.DoesNotContain("lib/conntrack.h", Included("lib/policy.h"));
    }

    private static IEnumerable<string> Included(string file)
    {
        var folder = Path.GetDirectoryName(file)!;
        return IncludeLine()
            .Matches(Repository.Read($"bpf/{file}"))
            .Select(match => Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/", folder, match.Groups["file"].Value))));
    }

    [GeneratedRegex("^#include \"(?<file>.+)\"", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex IncludeLine();
}
