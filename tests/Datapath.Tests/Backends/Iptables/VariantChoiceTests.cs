using Datapath.Backends;
using Datapath.Backends.Iptables;
using Datapath.Backends.Iptables.Kernel;
using Xunit;

namespace Datapath.Tests.Backends.Iptables;

/// <summary>Which variant judges, where both are installed and the kernel may have one.</summary>
public sealed class VariantChoiceTests
{
    private const string None = "*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n";
    private const string Foreign = "*filter\n-A INPUT -j DROP\nCOMMIT\n";

    private static readonly ObjectNames Names = new("default");
    private static readonly string Ours = $"*mangle\n-A PREROUTING -j {Names.Chain(1, "in")}\nCOMMIT\n";

    public static TheoryData<string, string?, string?, string, string> Cases =>
        new()
        {
            { "nobody has rules: what iptables is here", None, "", "nft", "nft" },
            { "nobody has rules: what iptables is here", None, "", "legacy", "legacy" },
            { "the firewall of the host is legacy", None, Foreign, "nft", "legacy" },
            { "ours come before those of others", Ours, Foreign + Foreign, "legacy", "nft" },
            { "the kernel has no nf_tables", null, "", "nft", "legacy" },
            { "the kernel has no legacy tables", None, null, "legacy", "nft" },
            { "the kernel has neither: the usual one will say so", null, null, "legacy", "legacy" },
        };

    [Theory, MemberData(nameof(Cases))]
    public void The_variant_that_carries_rules_judges_and_never_one_that_the_kernel_lacks(string why, string? nft, string? legacy, string usual, string chosen) =>
        Assert.True(Named(chosen) == VariantChoice.Choose(Names, [(XtablesVariant.Nft, nft), (XtablesVariant.Legacy, legacy)], Named(usual)), why);

    [Fact]
    public void The_only_one_is_taken_whatever_it_says() => Assert.Equal(XtablesVariant.Nft, VariantChoice.Choose(Names, [(XtablesVariant.Nft, null)], XtablesVariant.Legacy));

    [Theory]
    [InlineData("iptables-nft-save: iptables-nft-save/1.8.9 Failed to initialize nft: Protocol not supported", true)]
    [InlineData("iptables-nft-save: iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Invalid argument", true)]
    [InlineData("iptables-legacy-save: iptables-save v1.8.9 (legacy): Cannot initialize: Table does not exist (do you need to insmod?)", true)]
    // These may pass, or hide rules that are there.
    [InlineData("iptables-nft-save: iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)", false)]
    [InlineData("Another app is currently holding the xtables lock. Stopped waiting after 10s.", false)]
    [InlineData("iptables-nft-save: iptables: Resource temporarily unavailable.", false)]
    public void Absence_is_what_the_kernel_says_and_no_other_refusal(string message, bool isAbsence)
    {
        Assert.Equal(isAbsence, VariantChoice.IsAbsence(message));
        string Read(XtablesVariant variant) => variant == XtablesVariant.Nft ? throw new BackendException(message) : "rules";
        if (isAbsence)
        {
            Assert.Equal([(XtablesVariant.Legacy, "rules")], VariantChoice.Readable(Read));
        }
        else
        {
            Assert.Equal(message, Assert.Throws<BackendException>(() => VariantChoice.Readable(Read)).Message);
        }

        // Of neither nobody can say that it carries nothing.
        string ReadNone(XtablesVariant variant) => throw new BackendException(message);
        Assert.Throws<BackendException>(() => VariantChoice.Readable(ReadNone));
    }

    private static XtablesVariant Named(string name) => name == "nft" ? XtablesVariant.Nft : XtablesVariant.Legacy;
}
