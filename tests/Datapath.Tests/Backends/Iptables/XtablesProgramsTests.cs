using Datapath.Backends.Iptables.Kernel;
using Datapath.Backends.Iptables.Lowering;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>Which programs a variant has, by what distributions install.</summary>
public sealed class XtablesProgramsTests
{
    private const string Nft = "iptables v1.8.9 (nf_tables)";
    private const string Legacy = "iptables v1.8.9 (legacy)";
    private const string Old = "iptables v1.4.21";

    [Theory]
    // Debian: both, whatever the plain name leads to.
    [InlineData("iptables-nft iptables-legacy iptables", Nft, "iptables-nft", "iptables-legacy")]
    [InlineData("iptables-nft iptables-legacy iptables", Legacy, "iptables-nft", "iptables-legacy")]
    // RHEL 8 and 9: one, which says what it is. RHEL 7 and older Alpine: one, which does not say.
    [InlineData("iptables", Nft, "iptables", null)]
    [InlineData("iptables", Legacy, null, "iptables")]
    [InlineData("iptables", Old, null, "iptables")]
    [InlineData("iptables-nft iptables", Nft, "iptables-nft", null)]
    [InlineData("", "", null, null)]
    public void A_variant_is_found_by_its_name_or_by_the_version_of_the_plain_one(string installed, string version, string? nft, string? legacy)
    {
        string[] programs = [.. installed.Split(' ').SelectMany(one => (string[])[one, $"{one}-save", $"{one}-restore"])];
        var found = new XtablesPrograms(programs.Contains, _ => version);
        Assert.Equal((nft, legacy), (found.Find(XtablesVariant.Nft, Family.V4), found.Find(XtablesVariant.Legacy, Family.V4)));
        Assert.Null(found.Find(XtablesVariant.Nft, Family.V6));
    }

    [Fact]
    public void A_program_without_its_other_half_is_not_installed()
    {
        var found = new XtablesPrograms(name => name is "iptables" or "iptables-restore", _ => Nft);
        Assert.Null(found.Find(XtablesVariant.Nft, Family.V4));
    }
}
