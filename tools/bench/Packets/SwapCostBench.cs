using System.Globalization;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Packets;

/// <summary>What a hundred swaps cost the packets that are judged meanwhile.</summary>
internal static class SwapCostBench
{
    private const int Prefixes = 10_000;
    private const int Packets = 1024;
    private const int Rounds = 10;
    private const int SwapsOfRound = 10;
    private const byte Ack = 0x10;
    private const double Goal = 1.05;

    /// <summary>Prints the cost of a packet while nothing happens, while the other processor makes images, and while it also swaps them.</summary>
    public static async Task RunAsync()
    {
        var one = new PacketPolicy(Prefixes);
        PacketPolicy[] both = [one, new(Prefixes, more: true)];
        await using PacketLab lab = await PacketLab.StartAsync(one);
        lab.Use(one.AllowedIn(Packets, IanaProtocol.Tcp, Ack));
        lab.Run("bench_ingress", 1 << 18);
        // Interleaved, so that whatever else the machine does meets all three. The processors of a machine share caches and clock: what
        // swaps cost is told by comparing with as much work that swaps nothing.
        var kinds = new (string Name, Func<Task> Beside, List<double> Taken)[]
        {
            ("nothing", () => Task.Delay(TimeSpan.FromMilliseconds(500)), []),
            ("images", () => Task.Run(() => Repeat(i => PolicyImageEncoder.Encode(both[i & 1].Compiled).Checksum())), []),
            ("swaps", () => Task.Run(() => Repeat(i => lab.Swap(both[i & 1]))), []),
        };
        for (int round = -1; round < Rounds; round++)
        {
            foreach (var kind in kinds)
            {
                IEnumerable<double> taken = Beside.Measure(lab, kind.Beside());
                kind.Taken.AddRange(round < 0 ? [] : taken);
            }
        }

        double[] means = [.. kinds.Select(kind => Beside.TrimmedMean(kind.Taken))];
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"packets during {Rounds * SwapsOfRound} swaps of {Prefixes} prefixes: {means[0]:F1} ns beside nothing, {means[1]:F1} ns beside the making of images, {means[2]:F1} ns beside swaps; swaps {means[2] / means[1]:F3} times (goal {Goal})"
            )
        );
    }

    private static void Repeat(Action<int> work)
    {
        for (int i = 0; i < SwapsOfRound; i++)
        {
            work(i + 1);
        }
    }
}
