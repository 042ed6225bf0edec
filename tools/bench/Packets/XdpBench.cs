using System.Globalization;
using Datapath.Backends.Ebpf;

namespace Datapath.Bench.Packets;

/// <summary>How many frames one processor drops at XDP, beside a program that does nothing else, in turn and on the same frames.</summary>
internal static class XdpBench
{
    private const int Prefixes = 100_000;
    private const int Rounds = 9;
    private const int Times = 1 << 20;
    private const int Hot = 1024;
    private const int Cold = 65536;
    private const byte Syn = 0x02;
    private const double Goal = 0.7;

    /// <summary>Prints the comparison.</summary>
    public static async Task RunAsync()
    {
        Console.WriteLine("a flood of SYNs that the policy rejects, through a veth pair, one processor: sent, received and dropped");
        var policy = new PacketPolicy(Prefixes);
        await using PacketLab lab = await PacketLab.StartAsync(policy, XdpChoice.Auto);
        foreach ((string heat, int count) in new[] { ("hot", Hot), ("cold", Cold) })
        {
            lab.Use(policy.DeniedIn(count, Syn));
            var (bare, ours) = (new double[Rounds], new double[Rounds]);
            for (int round = -1; round < Rounds; round++)
            {
                double reference = Run(lab, "bench_drop");
                (ulong before, double shipped) = (lab.Judged(), Run(lab, "dp_xdp"));
                ulong dropped = lab.Judged() - before;
                if (dropped < Times * 0.9)
                {
                    throw new InvalidOperationException($"of {Times} frames {dropped} were dropped by a rule");
                }

                if (round >= 0)
                {
                    (bare[round], ours[round]) = (reference, shipped);
                }
            }

            double ratio = Packets.Rounds.Median(bare) / Packets.Rounds.Median(ours);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {Prefixes:N0} prefixes, {count:N0} senders ({heat}): {1e3 / Packets.Rounds.Median(ours):F2} Mpps, bare XDP_DROP {1e3 / Packets.Rounds.Median(bare):F2} Mpps: {ratio:F2} x   goal {Goal:F2} x{(ratio >= Goal ? "" : "  MISSED")}"
                )
            );
        }
    }

    private static double Run(PacketLab lab, string program)
    {
        lab.PutAtXdp(program);
        return lab.Flood(Times);
    }
}
