using System.Globalization;
using System.Net;
using System.Text;
using Datapath.Backends.Host;
using Datapath.Backends.Iptables;
using Datapath.Interop.Processes;
using Datapath.Lab.Networks;

namespace Datapath.Bench.Filters;

/// <summary>Packets per second through the iptables backend, beside what people write by hand, in one run and round by round.</summary>
internal static class FilterBench
{
    private const int Flows = 1024;
    private const int Rounds = 60;

    // One rule for each prefix is a walk: beyond this even its loading takes minutes.
    private const int MostRules = 10_000;

    private const string Nothing = "no filter";
    private const string Walk = "one rule per prefix";
    private const string SetFirst = "ipset rule, then conntrack";
    private const string StateFirst = "conntrack, then ipset rule";
    private const string NftSet = "nftables set and ct state";
    private const string Ours = "ours";

    /// <summary>Prints the tables.</summary>
    public static async Task RunAsync()
    {
        Console.WriteLine($"iptables: {Flows} established UDP flows of 60 bytes over veth, the best tenth of batches of 64 in {Rounds} rounds in turn; packets per second");
        var sizes = new List<(int Prefixes, Dictionary<string, double> Rates)>();
        foreach (int prefixes in (int[])[10, 1_000, 100_000])
        {
            sizes.Add((prefixes, await SizeAsync(prefixes, 10, compare: true)));
        }

        var rules = new List<(int Rules, double Rate)>();
        foreach (int count in (int[])[10, 100, 1_000])
        {
            rules.Add((count, (await SizeAsync(1_000, count, compare: false))[Ours]));
        }

        foreach ((int prefixes, Dictionary<string, double> rates) in sizes)
        {
            Say($"{prefixes:N0} prefixes: ours / {SetFirst}", rates[Ours] / rates[SetFirst], rates[Ours] >= 0.85 * rates[SetFirst], "0.85 or more");
            Say($"{prefixes:N0} prefixes: ours / {StateFirst}", rates[Ours] / rates[StateFirst], rates[Ours] >= 0.85 * rates[StateFirst], "0.85 or more");
        }

        double Growth(string name) => Cost(sizes[^1].Rates, name) / Math.Max(1, Cost(sizes[0].Rates, name));
        Say($"growth of the cost from 10 to 100,000 prefixes, ours against {SetFirst}", Growth(Ours) / Growth(SetFirst), Growth(Ours) <= 1.1 * Growth(SetFirst), "1, and a tenth for noise");
        Say("packets at 10 rules / at 1,000 rules", rules[0].Rate / rules[^1].Rate, rules[0].Rate <= 2 * rules[^1].Rate, "2 or less");
    }

    // Nanoseconds of a packet above no filter.
    private static double Cost(Dictionary<string, double> rates, string name) => (1e9 / rates[name]) - (1e9 / rates[Nothing]);

    private static async Task<Dictionary<string, double>> SizeAsync(int prefixes, int rules, bool compare)
    {
        var policy = new FilterPolicy(prefixes, rules);
        (IPAddress, ushort)[] flows = policy.Flows(Flows);
        await using var network = new LabNetwork(LabNetwork.PrefixFor($"dpf{prefixes.ToString(CultureInfo.InvariantCulture).Length}{rules.ToString(CultureInfo.InvariantCulture).Length}"));
        var sites = new List<FilterSite>();
        var options = new IptablesOptions { Instance = "bench" };
        using var backend = new IptablesBackend(options);
        try
        {
            string[] names = compare ? [Nothing, Walk, SetFirst, StateFirst, NftSet, Ours] : [Nothing, Ours];
            foreach (string name in names)
            {
                FilterSite site = await FilterSite.CreateAsync(network, name, flows);
                sites.Add(site);
                await FilterAsync(site, policy, backend);
                await site.EstablishAsync(flows);
            }

            // On a thread of its own, which stays on the last processor.
            var measuring = new Thread(() => Measure(sites));
            measuring.Start();
            measuring.Join();
        }
        finally
        {
            sites.ForEach(site => site.Dispose());
        }

        double bare = sites[0].Rate;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{prefixes:N0} prefixes, {rules:N0} rules"));
        foreach (FilterSite site in sites)
        {
            string limit = site.Name == Walk && prefixes > MostRules ? string.Create(CultureInfo.InvariantCulture, $" (only {MostRules:N0} rules, and the last of them matches)") : "";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {site.Name,-28} {site.Rate,12:N0} /s   {(1e9 / site.Rate) - (1e9 / bare),8:F0} ns above no filter{limit}"));
        }

        return sites.ToDictionary(site => site.Name, site => site.Rate);
    }

    private static void Measure(List<FilterSite> sites)
    {
        FrameSender.StayOn(Environment.ProcessorCount - 1);
        for (int round = 0; round <= Rounds; round++)
        {
            sites.ForEach(site => site.Measure());
            if (round == 0)
            {
                // Caches are warm only now.
                sites.ForEach(site => site.Rates.Clear());
            }
        }
    }

    private static async Task FilterAsync(FilterSite site, FilterPolicy policy, IptablesBackend backend)
    {
        const string State = "-A PREROUTING -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
        string ports = $"-p udp -m udp --dport {FilterPolicy.FirstPort}:{FilterPolicy.LastPort}";
        string asked = $"-A PREROUTING -m set --match-set bench src {ports} -j ACCEPT\n";
        switch (site.Name)
        {
            case Walk:
                var rules = new StringBuilder();
                string[] walked = policy.Prefixes.Length > MostRules ? [.. policy.Prefixes.Take(MostRules - 1), "0.0.0.0/0"] : policy.Prefixes;
                Array.ForEach(walked, prefix => rules.Append($"-A PREROUTING -s {prefix} {ports} -j ACCEPT\n"));
                await RestoreAsync(site.Host, "iptables-nft-restore", $"*mangle\n{rules}-A PREROUTING -j DROP\nCOMMIT\n");
                break;
            case SetFirst or StateFirst:
                string set = $"create bench hash:net hashsize 65536 maxelem 200000\n{string.Concat(policy.Prefixes.Select(prefix => $"add bench {prefix}\n"))}";
                await RestoreAsync(site.Host, "ipset restore", set);
                string both = site.Name == SetFirst ? asked + State : State + asked;
                await RestoreAsync(site.Host, "iptables-nft-restore", $"*mangle\n{both}-A PREROUTING -j DROP\nCOMMIT\n");
                break;
            case NftSet:
                string elements = string.Join(", ", policy.Prefixes);
                await RestoreAsync(
                    site.Host,
                    "nft -f -",
                    $$"""
                    table ip bench {
                      set s { type ipv4_addr; flags interval; elements = { {{elements}} } }
                      chain c { type filter hook prerouting priority mangle; policy drop;
                        ip saddr @s udp dport {{FilterPolicy.FirstPort}}-{{FilterPolicy.LastPort}} accept
                        ct state established accept
                      }
                    }

                    """
                );
                break;
            case Ours:
                site.Host.Run(() => backend.Apply(policy.Compiled, HostObserver.Read()));
                break;
        }
    }

    private static async Task RestoreAsync(LabHost host, string command, string input)
    {
        CommandResult result = await CommandRunner.RunAsync("nsenter", [$"--net={host.NamespacePath}", .. command.Split(' ')], input, TimeSpan.FromMinutes(3));
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command}: {result.StandardError}");
        }
    }

    private static void Say(string what, double ratio, bool isReached, string goal) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-72} {ratio,6:F2}   goal {goal}{(isReached ? "" : "  MISSED")}"));
}
