using System.Globalization;

namespace Datapath.Bench.Packets;

/// <summary>Measures several programs in turn, round after round: what disturbs the machine disturbs all of them.</summary>
/// <param name="lab">Where they run.</param>
internal sealed class Rounds(PacketLab lab)
{
    private const int Count = 9;
    private const int Times = 262_144;

    /// <summary>Runs each case once a round; before each the case is prepared and its packets chosen.</summary>
    /// <param name="cases">What to run.</param>
    /// <exception cref="InvalidOperationException">A packet that should pass was dropped.</exception>
    /// <returns>For each case what its rounds took, in nanoseconds a packet.</returns>
    public IReadOnlyDictionary<string, double[]> Measure(params IReadOnlyList<BenchCase> cases)
    {
        var taken = cases.ToDictionary(one => one.Name, _ => new double[Count]);
        for (int round = -1; round < Count; round++)
        {
            foreach (BenchCase one in cases)
            {
                one.Prepare?.Invoke();
                lab.Forget();
                lab.Use(one.Packets);
                Pass(one);
                double nanoseconds = lab.Run(one.Program, Times);
                if (round >= 0)
                {
                    taken[one.Name][round] = nanoseconds;
                }
            }
        }
        return taken;
    }

    // What was chosen is in the cache of the one who chose; the first pass fetches it, as a running host has it. It also shows that the
    // packets are judged as the case means them to be: a bench of packets that are dropped half way, or left to others, would look fast.
    private void Pass(BenchCase one)
    {
        if (!one.IsJudged)
        {
            lab.Run(one.Program, one.Packets.Length);
            return;
        }

        (ulong sum, ulong judged) = lab.Watch(one.Program, one.Packets.Length);
        // TC_ACT_UNSPEC is -1, TC_ACT_SHOT 2.
        ulong expected = unchecked((ulong)-(long)one.Packets.Length);
        if (sum != expected || judged < (ulong)one.Packets.Length)
        {
            throw new InvalidOperationException(
                $"{one.Name}: of {one.Packets.Length} packets {judged} were judged, and {(sum - expected) / 3} were dropped"
            );
        }
    }

    /// <summary>The median, over the rounds, of what one case costs above another.</summary>
    public static double Above(IReadOnlyDictionary<string, double[]> taken, string name, string floor) =>
        Median([.. taken[name].Zip(taken[floor], (one, below) => one - below)]);

    /// <summary>The middle value.</summary>
    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    /// <summary>A line of a table: what was measured, and how it stands to a goal, where there is one.</summary>
    public static string Line(string what, double ours, double reference, double? goal = null)
    {
        string compared = string.Create(CultureInfo.InvariantCulture, $"  {what,-58} {ours,7:F0} ns {reference,7:F0} ns   {ours / reference,5:F2} x");
        return goal is { } most
            ? string.Create(CultureInfo.InvariantCulture, $"{compared}   goal {most:F2} x{(ours / reference <= most ? "" : "  MISSED")}")
            : compared;
    }
}

/// <summary>A program and its packets.</summary>
/// <param name="Name">What the result is called.</param>
/// <param name="Program">The program.</param>
/// <param name="Packets">A power of two of them.</param>
/// <param name="Prepare">What to do before each round; null for nothing.</param>
internal sealed record BenchCase(string Name, string Program, BenchTuple[] Packets, Action? Prepare = null)
{
    /// <summary>Whether the program returns a verdict, which must be that the packet passes.</summary>
    public bool IsJudged => Program.StartsWith("bench_ingress", StringComparison.Ordinal);
}
