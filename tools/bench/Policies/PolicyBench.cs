using System.Globalization;
using Datapath.Backends.Ebpf.Image;

namespace Datapath.Bench.Policies;

/// <summary>What it costs to compile a policy.</summary>
internal static class PolicyBench
{
    /// <summary>Prints the measurements beside their goals.</summary>
    public static void Run()
    {
        // The first compilation pays for the just-in-time compiler; an agent pays that once.
        Measurement.Of(new LargePolicy(50, 1_000, 1_000, 10, 10));

        var goal = Measurement.Of(new LargePolicy(500, 100_000, 50_000, 1, 1));
        Console.WriteLine($"50,000 rules, 500 networks, 100,000 prefixes: {goal.Text}");
        Console.WriteLine($"  goal 1,000 ms and 500 MB: {goal.CompileMs / 1000:P0} and {goal.AllocatedMb / 500:P0} of it");

        var change = ChangeMeasurement.Of(new LargePolicy(500, 100_000, 50_000, 1, 1));
        Console.WriteLine($"one ruleset changed among them: {change.Text}");
        Console.WriteLine($"  goal 50 ms: {change.RulesetMs / 50:P0} of it");

        var shared = Measurement.Of(new LargePolicy(100, 2_000, 5_000, 1_000, 50));
        Console.WriteLine($"1,000 units of 50 policies: {shared.Text}");
        Console.WriteLine($"  {shared.Compiled.Units.Length - 1} units and the host share {shared.Compiled.Policies.Length} policies");

        foreach (int prefixes in (int[])[5_000, 100_000])
        {
            var rows = RowsMeasurement.Of(new LargePolicy(500, prefixes, 50_000, 1_000, 50));
            Console.WriteLine($"50,000 rules over 50 policies, {prefixes} prefixes: {rows.Text}");
            Console.WriteLine($"  {rows.Encoded(RowForm.Dense)}");
            Console.WriteLine($"  {rows.Encoded(RowForm.Compressed)}");
        }

        Measurement? first = null;
        foreach (int prefixes in (int[])[1_000, 10_000, 100_000])
        {
            var one = Measurement.Of(new LargePolicy(100, prefixes, 1_000, 10, 10));
            string ratio = "";
            if (first is not null)
            {
                double nLogN = prefixes / 1_000.0 * Math.Log2(prefixes) / Math.Log2(1_000);
                ratio = string.Create(CultureInfo.InvariantCulture, $", {one.CompileMs / first.CompileMs:F0} times as long as 1,000 (n log n: {nLogN:F0})");
            }
            Console.WriteLine($"{prefixes} prefixes: {one.Text}{ratio}");
            first ??= one;
        }
    }
}
