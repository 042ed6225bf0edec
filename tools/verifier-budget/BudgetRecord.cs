using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Datapath.VerifierBudget;

/// <summary>The record: lines of kernel, program, instructions.</summary>
/// <param name="Lines">By kernel and program.</param>
internal sealed record BudgetRecord(ImmutableSortedDictionary<(string Kernel, string Program), uint> Lines)
{
    private const string Heading = "# Instructions that the verifier walks: kernel, program, instructions. Written by tools/verifier-budget --update.";
    private const double AllowedGrowth = 1.1;

    /// <summary>Reads a record.</summary>
    /// <exception cref="FormatException">A line is not one.</exception>
    public static BudgetRecord Parse(string text) =>
        new(
            text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(line => !line.StartsWith('#'))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .ToImmutableSortedDictionary(
                    words => words.Length == 3 ? (words[0], words[1]) : throw new FormatException($"not a line of the record: {string.Join(' ', words)}"),
                    words => uint.Parse(words[2], CultureInfo.InvariantCulture)
                )
        );

    /// <summary>The record with this kernel's lines replaced.</summary>
    public BudgetRecord With(IReadOnlyList<Measurement> measured)
    {
        HashSet<string> kernels = [.. measured.Select(one => one.Kernel)];
        IEnumerable<KeyValuePair<(string, string), uint>> others = Lines.Where(line => !kernels.Contains(line.Key.Kernel));
        return new(others.Concat(measured.Select(one => KeyValuePair.Create((one.Kernel, one.Program), one.Instructions))).ToImmutableSortedDictionary());
    }

    /// <summary>How a measurement stands to the record, for people.</summary>
    public string Describe(Measurement one) =>
        Lines.TryGetValue((one.Kernel, one.Program), out uint recorded)
            ? string.Create(CultureInfo.InvariantCulture, $"{(double)one.Instructions / recorded:0.00} x the record of kernel {one.Kernel}")
            : $"no record of kernel {one.Kernel}";

    /// <summary>Why a measurement is not accepted; null when it is. A kernel without a record has nothing to compare with.</summary>
    public string? ComplaintAbout(Measurement one)
    {
        if (Lines.TryGetValue((one.Kernel, one.Program), out uint recorded))
        {
            return one.Instructions > recorded * AllowedGrowth
                ? $"{one.Program}: the verifier walks {one.Instructions} instructions, {recorded} are recorded; if that is meant, ./build.sh fix records it"
                : null;
        }

        return Lines.Keys.Any(key => key.Kernel == one.Kernel) ? $"{one.Program} is not in the record of kernel {one.Kernel}; ./build.sh fix records it" : null;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder(Heading).Append('\n');
        foreach (((string kernel, string program), uint instructions) in Lines)
        {
            text.Append(CultureInfo.InvariantCulture, $"{kernel} {program} {instructions}\n");
        }

        return text.ToString();
    }
}
