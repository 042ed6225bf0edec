using System.Globalization;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Packets;

/// <summary>What accounts of flows cost a packet: the same packets, with and without.</summary>
internal static class AccountBench
{
    private const int Hot = 1024;
    private const int Cold = 65536;
    private const byte Ack = 0x10;

    /// <summary>Prints the table.</summary>
    public static async Task RunAsync()
    {
        var policy = new PacketPolicy(100_000);
        foreach ((string heat, int count) in (IEnumerable<(string, int)>)[("hot", Hot), ("cold", Cold)])
        {
            BenchTuple[] packets = policy.AllowedIn(count, IanaProtocol.Tcp, Ack);
            double without = await AboveParsingAsync(policy, packets, keepsAccounts: false);
            double with = await AboveParsingAsync(policy, packets, keepsAccounts: true);
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"TCP allowed in its own direction, {count:N0} tuples ({heat}): {without:F0} ns, with --flow-accounting {with:F0} ns")
            );
        }
    }

    private static async Task<double> AboveParsingAsync(PacketPolicy policy, BenchTuple[] packets, bool keepsAccounts)
    {
        await using PacketLab lab = await PacketLab.StartAsync(policy, keepsAccounts: keepsAccounts);
        var taken = new Rounds(lab).Measure(new("parse", "bench_parse", packets), new("allowed", "bench_ingress", packets));
        return Rounds.Above(taken, "allowed", "parse");
    }
}
