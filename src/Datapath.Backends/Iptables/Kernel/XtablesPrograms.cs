using System.Collections.Concurrent;
using Datapath.Backends.Iptables.Lowering;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>
/// What the programs of a variant are called. Debian and its like have both, with the variant in the names; others, such as RHEL, have one under
/// the plain names, which tells by its version which one it is.
/// </summary>
/// <param name="isThere">Whether there is a program of a name.</param>
/// <param name="versionOf">What a program says when asked for its version.</param>
internal sealed class XtablesPrograms(Predicate<string> isThere, Func<string, string> versionOf)
{
    private readonly ConcurrentDictionary<string, XtablesVariant?> _variants = new(StringComparer.Ordinal);

    /// <summary>Those of this system.</summary>
    public static XtablesPrograms System { get; } =
        new(name => Programs.Find(name) is not null, name => Programs.Run(name, ["--version"]).StandardOutput);

    /// <summary>What the names of the programs of a variant begin with; null when it is not installed.</summary>
    /// <param name="variant">Which.</param>
    /// <param name="family">Which addresses.</param>
    public string? Find(XtablesVariant variant, Family family)
    {
        string plain = family.IsIPv6 ? "ip6tables" : "iptables";
        string named = plain + (variant == XtablesVariant.Nft ? "-nft" : "-legacy");
        return Has(named) ? named
            : Has(plain) && VariantOf(plain) == variant ? plain
            : null;
    }

    /// <summary>Which variant a program is; null when it is not there. To ask for the version touches no table.</summary>
    /// <param name="program">Its name, without a verb.</param>
    /// <exception cref="BackendException">It cannot be run.</exception>
    public XtablesVariant? VariantOf(string program) =>
        _variants.GetOrAdd(
            program,
            name =>
                !isThere(name) ? null
                // "iptables v1.8.9 (nf_tables)"; before 1.8 there was only the other one, which did not say so.
                : versionOf(name).Contains("nf_tables", StringComparison.Ordinal) ? XtablesVariant.Nft
                : XtablesVariant.Legacy
        );

    private bool Has(string program) => isThere($"{program}-restore") && isThere($"{program}-save");
}
