namespace Datapath.Policy.Rulesets.Yaml;

/// <summary>What a policy file may cost. Real files stay far below: 50,000 rules are about 6 MB and 800,000 values.</summary>
internal static class DocumentLimits
{
    /// <summary>UTF-16 units in a file. A list of empty lists this long would take about half a gigabyte if it were not stopped earlier.</summary>
    public const int Characters = 32 * 1024 * 1024;

    /// <summary>Levels of lists and mappings; the deepest field of ours is at level 8.</summary>
    public const int Depth = 32;

    /// <summary>Values in a file, aliases written out.</summary>
    public const long Values = 4_000_000;

    /// <summary>Documents in a file.</summary>
    public const int Documents = 10_000;
}
