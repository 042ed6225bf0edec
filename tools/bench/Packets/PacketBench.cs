using System.Globalization;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Rulesets;

namespace Datapath.Bench.Packets;

/// <summary>What a packet costs in the shipped programs, beside the usual designs on the same packets in the same run.</summary>
internal static class PacketBench
{
    private const int Hot = 1024;
    private const int Cold = 65536;
    private const byte Syn = 0x02;
    private const byte SynAck = 0x12;
    private const byte Ack = 0x10;
    private const byte FinAck = 0x11;

    private static readonly (string Heat, int Count)[] Heats = [("hot", Hot), ("cold", Cold)];

    /// <summary>Prints the table.</summary>
    public static async Task RunAsync()
    {
        Console.WriteLine("packets, 1,000 rules: medians above a program that only parses, ours beside the reference");
        double allowed = await CompareAsync(Heats);
        double few = await FewPrefixesAsync();
        Console.WriteLine(Rounds.Line("100,000 prefixes against 10, allowed TCP, hot", allowed, few, 1.5));
        PrintSizes();
    }

    /// <summary>Prints the part that is looked at while tuning.</summary>
    /// <param name="heat">"hot" or "cold".</param>
    public static Task RunAsync(string heat) => CompareAsync([.. Heats.Where(one => one.Heat == heat)]);

    private static async Task<double> FewPrefixesAsync()
    {
        var policy = new PacketPolicy(10);
        await using PacketLab lab = await PacketLab.StartAsync(policy);
        BenchTuple[] packets = policy.AllowedIn(Hot, IanaProtocol.Tcp, Ack);
        var taken = new Rounds(lab).Measure(new("parse", "bench_parse", packets), new("allowed", "bench_ingress", packets));
        return Rounds.Above(taken, "allowed", "parse");
    }

    // Millions of new flows within seconds are a flood, of which the tables and the marks of flows are full afterwards: what else is measured
    // comes before, and once more after it.
    private static async Task<double> CompareAsync((string Heat, int Count)[] heats)
    {
        var policy = new PacketPolicy(100_000);
        await using PacketLab lab = await PacketLab.StartAsync(policy);
        var rounds = new Rounds(lab);
        (string Heat, BenchTuple[] Allowed)[] packets = [.. heats.Select(one => (one.Heat, policy.AllowedIn(one.Count, IanaProtocol.Tcp, Ack)))];
        double[] allowed = [.. packets.Select(one => ComparePassing(lab, rounds, policy, one.Allowed, one.Heat))];
        foreach ((string heat, BenchTuple[] those) in packets)
        {
            CompareNew(rounds, those, heat);
        }

        return allowed[0];
    }

    private static double ComparePassing(PacketLab lab, Rounds rounds, PacketPolicy policy, BenchTuple[] allowed, string heat)
    {
        BenchTuple[] unknown = [.. allowed.Select(one => one.With(FinAck))];
        BenchTuple[] answers = policy.AnswersIn(allowed.Length, IanaProtocol.Tcp, Ack);
        BenchTuple[] datagrams = policy.AnswersIn(allowed.Length, IanaProtocol.Udp, 0);
        var taken = rounds.Measure(
            new("parse", "bench_parse", allowed),
            new("allowed", "bench_ingress", allowed),
            new("lpm", "bench_lpm", allowed),
            new("unknown", "bench_ingress", unknown),
            new("answer", "bench_ingress", answers, () => Open(lab, answers)),
            new("datagram", "bench_ingress", datagrams, () => Open(lab, datagrams)),
            new("lru hit", "bench_lru_lookup", answers, () => Fill(lab, answers))
        );
        double Above(string name) => Rounds.Above(taken, name, "parse");
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{policy.Prefixes:N0} prefixes, {allowed.Length:N0} tuples ({heat}); parsing alone {Rounds.Median(taken["parse"]):F0} ns"
            )
        );
        Console.WriteLine(Rounds.Line("TCP allowed in its own direction / LPM + LPM", Above("allowed"), Above("lpm"), 0.2));
        Console.WriteLine(Rounds.Line("verdict of a new flow without its insert / LPM + LPM", Above("unknown"), Above("lpm"), 0.25));
        Console.WriteLine(Rounds.Line("TCP answer, connection hit / bare LRU lookup", Above("answer"), Above("lru hit"), 1.5));
        Console.WriteLine(Rounds.Line("UDP answer, digest hit / bare LRU lookup", Above("datagram"), Above("lru hit"), 1.5));
        return Above("allowed");
    }

    private static void CompareNew(Rounds rounds, BenchTuple[] allowed, string heat)
    {
        BenchTuple[] opening = [.. allowed.Select(one => one.With(Syn))];
        BenchTuple[] unknown = [.. allowed.Select(one => one.With(FinAck))];
        var taken = rounds.Measure(
            new("parse", "bench_parse", allowed),
            new("new flow", "bench_ingress_fresh", opening),
            new("lru insert", "bench_lru_insert", opening),
            new("verdict", "bench_verdict", opening),
            new("lpm", "bench_lpm", allowed),
            new("unknown", "bench_ingress", unknown)
        );
        double Above(string name) => Rounds.Above(taken, name, "parse");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"a flood of new flows ({heat}); policy alone {Above("verdict"):F0} ns"));
        double goal = heat == "hot" ? 1.5 : 2.5;
        Console.WriteLine(Rounds.Line("new flow / LRU insert + policy alone", Above("new flow"), Above("lru insert") + Above("verdict"), goal));
        Console.WriteLine(Rounds.Line("verdict of a new flow without its insert, after it", Above("unknown"), Above("lpm")));
    }

    // The host opens each connection, the peer accepts it, the host confirms: what is measured then is a flow that lives.
    private static void Open(PacketLab lab, BenchTuple[] answers)
    {
        lab.Use([.. answers.Select(one => one.Reversed.With(Syn))]);
        lab.Run("bench_egress", answers.Length);
        lab.Use([.. answers.Select(one => one.With(SynAck))]);
        lab.Run("bench_ingress", answers.Length);
        lab.Use([.. answers.Select(one => one.Reversed.With(Ack))]);
        lab.Run("bench_egress", answers.Length);
    }

    private static void Fill(PacketLab lab, BenchTuple[] packets)
    {
        lab.Use(packets);
        lab.Run("bench_lru_fill", packets.Length);
    }

    private static void PrintSizes()
    {
        PolicyImage many = PolicyImageEncoder.Encode(new PacketPolicy(100_000).Compiled);
        double addresses = many.Layout.Ports[0] * (double)PolicyImage.LineBytes / 1e6;
        double rest = (many.Bytes / 1e6) - addresses;
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"memory of 100,000 IPv4 prefixes, both generations: addresses {2 * addresses:F1} MB (goal 12), ports, verdicts and rules {2 * rest:F1} MB"
            )
        );
    }
}
