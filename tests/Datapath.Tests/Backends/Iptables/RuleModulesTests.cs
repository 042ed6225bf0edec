using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Datapath.Backends;
using Datapath.Backends.Iptables.Kernel;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>The modules that are asked for where the kernel loads none by itself.</summary>
public sealed class RuleModulesTests
{
    private static readonly string[] Examples = ["one-cgroup.txt", "three-networks.txt"];

    // Verdicts, chains and what every kernel with tables has.
    private static readonly string[] WithoutModule = ["DROP", "RETURN"];

    [Theory]
    [InlineData("nft")]
    [InlineData("legacy")]
    public void Every_match_and_target_of_the_recorded_chains_has_its_module_in_the_list(string variant)
    {
        XtablesVariant asked = variant == "nft" ? XtablesVariant.Nft : XtablesVariant.Legacy;
        string[] listed = [.. RuleModules.Of(asked).Select(one => one.Module), .. RuleModules.Perhaps(asked), RuleModules.OfCgroups.Module];
        string text = string.Concat(Examples.Select(name => Architecture.Repository.Read($"tests/Datapath.Tests/Backends/Iptables/{name}")));
        string[] used = [.. Regex.Matches(text, "-(m|j) (?<word>[A-Za-z0-9]+)( |$)", RegexOptions.ExplicitCapture | RegexOptions.Multiline, TimeSpan.FromSeconds(5)).Select(one => one.Groups["word"].Value).Distinct().Except(WithoutModule)];
        Assert.Contains("tcp", used);
        Assert.Contains("NFLOG", used);
        Assert.All(used, word => Assert.Contains(ModuleOf(word), listed));
    }

    [Theory]
    [InlineData(1, "", null)]
    [InlineData(2, "", "ipset list: no session")]
    [InlineData(2, "ip_set", "ipset list: no session; these kernel modules cannot be loaded: ip_set: ")]
    public void What_only_looks_is_done_once_more_with_modules_loaded(int refusals, string missing, string? message)
    {
        (int calls, int loads) = (0, 0);
        string Look() => calls++ < refusals ? throw new BackendException("ipset list: no session") : "sets";
        ImmutableArray<string> Load()
        {
            loads++;
            return missing.Length == 0 ? [] : [missing];
        }

        if (message is null)
        {
            Assert.Equal("sets", KernelModules.WithModules(Look, Load));
        }
        else
        {
            Assert.StartsWith(message, Assert.Throws<BackendException>(() => KernelModules.WithModules(Look, Load)).Message, StringComparison.Ordinal);
        }

        Assert.Equal((2, 1), (calls, loads));
        // What works the first time loads nothing.
        Assert.Equal("sets", KernelModules.WithModules(() => "sets", Load));
        Assert.Equal(1, loads);
    }

    private static string ModuleOf(string word) =>
        word switch
        {
            "tcp" or "udp" => "xt_tcpudp",
            "icmp" => "ip_tables",
            "icmp6" => "ip6_tables",
            "SET" => "xt_set",
            "MARK" => "xt_mark",
            "CONNMARK" => "xt_connmark",
            _ => $"xt_{word}",
        };
}
