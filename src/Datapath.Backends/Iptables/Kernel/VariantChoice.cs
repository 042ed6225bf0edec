using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>Which variant to use: the one that carries rules, ours before those of others.</summary>
internal static class VariantChoice
{
    /// <summary>Both, the one that distributions prefer first.</summary>
    public static ImmutableArray<XtablesVariant> All { get; } = [XtablesVariant.Nft, XtablesVariant.Legacy];

    /// <summary>Looks and chooses.</summary>
    /// <param name="names">Names of our chains.</param>
    /// <exception cref="BackendException">Neither is installed.</exception>
    public static XtablesVariant Find(ObjectNames names)
    {
        ImmutableArray<XtablesVariant> installed = [.. All.Where(variant => Family.Both.All(family => new Xtables(variant, family).IsInstalled))];
        if (installed.IsEmpty)
        {
            throw new BackendException($"there is no iptables-restore and ip6tables-restore of either variant: {PackageAdvice.OfHost().InstallProgram("iptables")}");
        }

        var found = installed.Select(variant => (Variant: variant, Texts: Texts(variant))).ToList();
        XtablesVariant? ours = found.Where(one => one.Texts.Contains($"-j {names.Chains}", StringComparison.Ordinal)).Select(one => (XtablesVariant?)one.Variant).FirstOrDefault();
        return ours ?? found.OrderByDescending(one => Rules(one.Texts)).ThenBy(one => one.Variant != Default()).First().Variant;
    }

    private static string Texts(XtablesVariant variant) =>
        string.Concat(Family.Both.Select(family => new Xtables(variant, family)).Where(tool => tool.MayHaveTables).Select(tool => tool.SaveAll()));

    private static int Rules(string text) => text.Split('\n').Count(line => line.StartsWith("-A ", StringComparison.Ordinal));

    private static XtablesVariant Default() => XtablesPrograms.System.VariantOf("iptables") ?? XtablesVariant.Nft;
}
