using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Selection;
using Xunit;

namespace Datapath.Tests.Backends.Selection;

/// <summary>Whoever lacks a program or a module is told the command of his distribution, by doctor and by a start that fails alike.</summary>
public sealed class PackageAdviceTests
{
    private const string Release = "6.1.0-18-amd64";

    /// <summary>Every program that the iptables backend runs, and how distributions name what has it.</summary>
    private static readonly ImmutableArray<(string Program, string Debian, string RedHat)> Programs =
    [
        .. from family in (string[])["iptables", "ip6tables"]
            from variant in (string[])["", "-nft", "-legacy"]
            from verb in (string[])["", "-save", "-restore"]
            select (family + variant + verb, "iptables", "iptables-nft"),
        ("ipset", "ipset", "ipset"),
        ("setsid", "util-linux", "util-linux"),
        ("modprobe", "kmod", "kmod"),
    ];

    /// <summary>Variants and what <c>iptables</c> leads to where they are the preferred one.</summary>
    public static TheoryData<string, string> Variants { get; } = new() { { "Nft", "/usr/sbin/xtables-nft-multi" }, { "Legacy", "/usr/sbin/xtables-legacy-multi" } };

    [Theory]
    [InlineData("ID=debian", "apt-get install {0}")]
    [InlineData("ID=ubuntu\nID_LIKE=debian", "apt-get install {0}")]
    [InlineData("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"", "zypper install {0}")]
    [InlineData("ID=\"rhel\"\nID_LIKE=\"fedora\"", "dnf install {1}")]
    [InlineData("ID=\"amzn\"", "dnf install {1}")]
    [InlineData("ID=gentoo", "install the package {0} ({1} in Fedora and RHEL)")]
    public void A_program_is_had_by_the_command_of_the_distribution(string release, string command)
    {
        var advice = PackageAdvice.Parse(release);
        Assert.All(Programs, one => Assert.Equal(string.Format(null, command, one.Debian, one.RedHat), advice.InstallProgram(one.Program)));
    }

    [Theory]
    [InlineData("ID=debian", false, "boot a kernel that has xt_set, xt_NFLOG")]
    [InlineData("ID=ubuntu", false, $"apt-get install linux-modules-extra-{Release}")]
    [InlineData("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", false, $"dnf install kernel-modules-extra-{Release}")]
    [InlineData("ID=ubuntu", true, "name xt_set and xt_NFLOG in /etc/modules-load.d, and boot")]
    public void Modules_are_had_as_the_distribution_does_it(string release, bool isClosed, string remedy) =>
        Assert.Equal(remedy, PackageAdvice.Parse(release).MendModules(Release, isClosed, "xt_set", "xt_NFLOG"));

    [Theory, MemberData(nameof(Variants))]
    public void Doctor_knows_every_module_that_rules_need(string variant, string iptables)
    {
        SystemFacts host = Hosts.Complete with { Programs = Hosts.Tools(iptables), Modules = Hosts.Complete.Modules with { Loadable = "" } };
        var needed = Hosts.Judge(host)
            .Where(row => row is { Level: RequirementLevel.Needed, Scope: RequirementScope.Iptables, Finding: Finding.Missing })
            .ToDictionary(row => row.Name, row => row.Remedy, StringComparer.Ordinal);
        Assert.All(KernelModules.Of(Enum.Parse<XtablesVariant>(variant)), module => Assert.Equal($"boot a kernel that has {module}", needed.GetValueOrDefault(module)));
    }
}
