using System.Collections.Immutable;
using Datapath.Backends.Iptables.Kernel;

namespace Datapath.Backends.Selection;

/// <summary>What the iptables backend needs: programs, and parts of netfilter.</summary>
internal static class IptablesRequirements
{
    private static readonly ImmutableArray<string> Tools =
        ["iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "ipset"];

    private const string NftName = "nft";
    private const string LegacyName = "legacy";

    /// <summary>Every program that is looked for.</summary>
    public static ImmutableArray<string> Programs { get; } = [.. Tools, "iptables", "iptables-nft", "iptables-legacy"];

    /// <summary>Judges them.</summary>
    /// <param name="facts">What was looked at.</param>
    public static IEnumerable<Requirement> Of(SystemFacts facts)
    {
        foreach (string tool in Tools)
        {
            yield return Tool(facts, tool);
        }

        string? usual = Variant(facts);
        string? variant = usual is not null && IsAbsent(facts, usual) && facts.Programs.ContainsKey($"iptables-{Other(usual)}") && !IsAbsent(facts, Other(usual)) ? Other(usual) : usual;
        yield return VariantRow(facts, usual, variant);
        foreach ((string module, string option) in RuleModules.Of(Named(variant)))
        {
            yield return Module(facts, module, option, RequirementLevel.Needed);
        }

        yield return Module(facts, "br_netfilter", "BRIDGE_NETFILTER", RequirementLevel.Useful);
        yield return Module(facts, RuleModules.OfCgroups.Module, RuleModules.OfCgroups.Option, RequirementLevel.Useful);
    }

    private static Requirement Tool(SystemFacts facts, string name)
    {
        string? path = facts.Programs.GetValueOrDefault(name);
        return new Requirement(
            name,
            name,
            RequirementScope.Iptables,
            RequirementLevel.Needed,
            path is null ? Finding.Missing : Finding.Found,
            path ?? "no such program",
            Remedy: path is not null ? null
                : facts.Packages.InstallProgram(name)
        );
    }

    // What a link leads to, never the program's own word: started, the legacy one would make the table that it is asked about.
    private static string? Variant(SystemFacts facts) =>
        facts.Programs.GetValueOrDefault("iptables") is not { } path ? null
        : Path.GetFileName(path) is var name && name.Contains("nft", StringComparison.Ordinal) ? NftName
        : name.Contains("legacy", StringComparison.Ordinal) || name is "xtables-multi" or "iptables" ? LegacyName
        : null;

    private static string Other(string variant) => variant == LegacyName ? NftName : LegacyName;

    private static XtablesVariant Named(string? variant) => variant == LegacyName ? XtablesVariant.Legacy : XtablesVariant.Nft;

    private static bool IsAbsent(SystemFacts facts, string variant) => RuleModules.IsAbsent(facts.Modules, Named(variant));

    private static Requirement VariantRow(SystemFacts facts, string? usual, string? variant)
    {
        string other = $"iptables-{Other(usual ?? LegacyName)}";
        string also =
            usual != variant ? $"; used is {other}, because the kernel lacks what the {usual} variant needs"
            : facts.Programs.ContainsKey(other) ? $"; {other} is there too"
            : "";
        string tables = facts.LegacyTables.IsEmpty ? "" : $"; tables of the legacy one in this namespace: {string.Join(' ', facts.LegacyTables)}";
        return new Requirement(
            "iptables-variant",
            "variant of iptables",
            RequirementScope.Iptables,
            RequirementLevel.Information,
            variant is null ? Finding.CouldNotTell : Finding.Found,
            (usual is null ? "no iptables that is known" : $"{usual} ({facts.Programs["iptables"]})") + also + tables
        );
    }

    private static Requirement Module(SystemFacts facts, string module, string option, RequirementLevel level)
    {
        // Linux 6.17 moved the legacy tables behind options of their own.
        (Finding finding, string evidence) = facts.Modules.Judge(module, option, $"{option}_LEGACY");
        return new Requirement(
            module.Replace('_', '-').ToLowerInvariant(),
            module,
            RequirementScope.Iptables,
            level,
            finding,
            evidence,
            Remedy: finding switch
            {
                Finding.Found => null,
                Finding.Missing => facts.Packages.MendModules(facts.KernelRelease, facts.Modules.IsClosed, module),
                _ => $"modprobe {module}",
            }
        );
    }
}
