using System.Collections.Immutable;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>Which variant to use: the one that carries rules, ours before those of others. One that the kernel does not have is none, whatever is installed.</summary>
internal static class VariantChoice
{
    // What the programs say when it is the kernel that lacks their half of netfilter: strerror(3) of EPROTONOSUPPORT, EOPNOTSUPP, ENOPROTOOPT and
    // ENOSYS, "Table does not exist" of libiptc, and what nft_init() and mnl_genid_get() of iptables-nft add. Not what forbids us to ask.
    private static readonly string[] WordsOfAbsence =
    [
        "Failed to initialize nft",
        "Could not fetch rule set generation id: Invalid argument",
        "Table does not exist",
        "Protocol not supported",
        "Protocol not available",
        "Operation not supported",
        "Function not implemented",
    ];

    /// <summary>Both, the one that distributions prefer first.</summary>
    public static ImmutableArray<XtablesVariant> All { get; } = [XtablesVariant.Nft, XtablesVariant.Legacy];

    /// <summary>Looks and chooses. What the kernel does not load by itself is loaded before a variant is held for missing.</summary>
    /// <param name="names">Names of our chains.</param>
    /// <exception cref="BackendException">Neither is installed.</exception>
    public static XtablesVariant Find(ObjectNames names)
    {
        ImmutableArray<XtablesVariant> installed = [.. All.Where(variant => Family.Both.All(family => new Xtables(variant, family).IsInstalled))];
        if (installed.IsEmpty)
        {
            throw new BackendException($"there is no iptables-restore and ip6tables-restore of either variant: {PackageAdvice.OfHost().InstallProgram("iptables")}");
        }

        ImmutableArray<(XtablesVariant Variant, string? Texts)> found = [.. installed.Select(variant => (variant, TextsOrNull(variant)))];
        XtablesVariant chosen = Choose(names, found, Default());
        return chosen == XtablesVariant.Legacy && found.Any(one => one is { Variant: XtablesVariant.Nft, Texts: not null }) && IsWithoutLegacy() ? XtablesVariant.Nft : chosen;
    }

    /// <summary>Chooses.</summary>
    /// <param name="names">Names of our chains.</param>
    /// <param name="found">The installed variants, one at least, with all their rules; null where the kernel does not have it.</param>
    /// <param name="usual">What <c>iptables</c> is on this host.</param>
    internal static XtablesVariant Choose(ObjectNames names, ImmutableArray<(XtablesVariant Variant, string? Texts)> found, XtablesVariant usual)
    {
        var present = found.Where(one => one.Texts is not null).Select(one => (one.Variant, Texts: one.Texts!)).ToList();
        if (present.Count == 0)
        {
            // Whoever uses it next hears what it says.
            return found.OrderByDescending(one => one.Variant == usual).First().Variant;
        }

        XtablesVariant? ours = present.Where(one => one.Texts.Contains($"-j {names.Chains}", StringComparison.Ordinal)).Select(one => (XtablesVariant?)one.Variant).FirstOrDefault();
        return ours ?? present.OrderByDescending(one => Rules(one.Texts)).ThenBy(one => one.Variant != usual).First().Variant;
    }

    /// <summary>What of each variant there is to read here: nothing of one that the kernel does not have, as long as it has the other.</summary>
    /// <param name="read">Reads one.</param>
    /// <exception cref="BackendException">Refused.</exception>
    public static ImmutableArray<(XtablesVariant Variant, T Found)> Readable<T>(Func<XtablesVariant, T> read)
    {
        var found = ImmutableArray.CreateBuilder<(XtablesVariant, T)>();
        BackendException? absent = null;
        foreach (XtablesVariant variant in All)
        {
            try
            {
                found.Add((variant, read(variant)));
            }
            catch (BackendException refusal) when (IsAbsence(refusal.Message))
            {
                absent = refusal;
            }
        }

        return found.Count > 0 || absent is null ? found.ToImmutable() : throw absent;
    }

    /// <summary>Whether a program says that the kernel has no such tables, and not that it may not or cannot now.</summary>
    /// <param name="message">What it says.</param>
    internal static bool IsAbsence(string message) => Array.Exists(WordsOfAbsence, words => message.Contains(words, StringComparison.OrdinalIgnoreCase));

    private static string? TextsOrNull(XtablesVariant variant)
    {
        try
        {
            return Texts(variant);
        }
        catch (BackendException refusal) when (IsAbsence(refusal.Message))
        {
            KernelModules.LoadMissing(variant);
        }

        try
        {
            return Texts(variant);
        }
        catch (BackendException refusal) when (IsAbsence(refusal.Message))
        {
            return null;
        }
    }

    // To ask its programs would make its tables. Files tell, or nobody: then it may be there.
    private static bool IsWithoutLegacy() =>
        !Family.Both.Any(family => new Xtables(XtablesVariant.Legacy, family).MayHaveTables) && RuleModules.IsAbsent(KernelModules.Facts(), XtablesVariant.Legacy);

    private static string Texts(XtablesVariant variant)
    {
        ImmutableArray<Func<string>> families = [.. Family.Both.Select(family => new Xtables(variant, family)).Where(tool => tool.MayHaveTables).Select(tool => tool.StartSaveAll())];
        return string.Concat(Programs.WaitForAll(families));
    }

    private static int Rules(string text) => text.Split('\n').Count(line => line.StartsWith("-A ", StringComparison.Ordinal));

    private static XtablesVariant Default() => XtablesPrograms.System.VariantOf("iptables") ?? XtablesVariant.Nft;
}
