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
        double[] allowed = await SizeAsync(100_000, compare: true, Heats);
        double[] few = await SizeAsync(10, compare: false, Heats);
        Console.WriteLine(Rounds.Line("100,000 prefixes against 10, allowed TCP, hot", allowed[0], few[0], 1.5));
        PrintSizes();
    }

    /// <summary>Prints the part that is looked at while tuning.</summary>
    public static Task RunHotAsync() => SizeAsync(100_000, compare: true, Heats[..1]);

    private static async Task<double[]> SizeAsync(int prefixes, bool compare, (string Heat, int Count)[] heats)
    {
        var policy = new PacketPolicy(prefixes);
        await using PacketLab lab = await PacketLab.StartAsync(policy);
        var rounds = new Rounds(lab);
        var allowed = new List<double>();
        foreach ((string heat, int count) in heats)
        {
            BenchTuple[] packets = policy.AllowedIn(count, IanaProtocol.Tcp, Ack);
            allowed.Add(compare ? Compare(lab, rounds, policy, packets, heat) : Alone(rounds, packets));
        }
        return [.. allowed];
    }

    private static double Alone(Rounds rounds, BenchTuple[] packets)
    {
        var taken = rounds.Measure(new("parse", "bench_parse", packets), new("allowed", "bench_ingress", packets));
        return Rounds.Above(taken, "allowed", "parse");
    }

    private static double Compare(PacketLab lab, Rounds rounds, PacketPolicy policy, BenchTuple[] allowed, string heat)
    {
        BenchTuple[] opening = [.. allowed.Select(one => one.With(Syn))];
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
            new("lru hit", "bench_lru_lookup", answers, () => Fill(lab, answers)),
            new("new flow", "bench_ingress_fresh", opening),
            new("lru insert", "bench_lru_insert", opening),
            new("verdict", "bench_verdict", opening)
        );
        double Above(string name) => Rounds.Above(taken, name, "parse");
        Console.WriteLine($"{policy.Prefixes.ToString("N0", CultureInfo.InvariantCulture)} prefixes, {allowed.Length.ToString("N0", CultureInfo.InvariantCulture)} tuples ({heat}); parsing alone {Rounds.Median(taken["parse"]):F0} ns");
        Console.WriteLine(Rounds.Line("TCP allowed in its own direction / LPM + LPM", Above("allowed"), Above("lpm"), 0.2));
        Console.WriteLine(Rounds.Line("verdict of a new flow without its insert / LPM + LPM", Above("unknown"), Above("lpm"), 0.25));
        Console.WriteLine($"  of which policy alone {Above("verdict"):F0} ns");
        Console.WriteLine(Rounds.Line("TCP answer, connection hit / bare LRU lookup", Above("answer"), Above("lru hit"), 1.5));
        Console.WriteLine(Rounds.Line("UDP answer, digest hit / bare LRU lookup", Above("datagram"), Above("lru hit"), 1.5));
        double goal = heat == "hot" ? 1.5 : 2.5;
        Console.WriteLine(Rounds.Line("new flow / LRU insert + verdict alone", Above("new flow"), Above("lru insert") + Above("verdict"), goal));
        return Above("allowed");
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
