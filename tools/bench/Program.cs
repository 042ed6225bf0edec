using Datapath.Bench.Filters;
using Datapath.Bench.Flows;
using Datapath.Bench.Metrics;
using Datapath.Bench.Packets;
using Datapath.Bench.Policies;
using Datapath.Bench.Sizes;
using Datapath.Bench.Swaps;

// Prints what policies, flow records, swaps, scrapes, packets and the agent itself cost, beside the goals, and the machine that it was measured on. With an argument only that part.
string processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1] ?? "unknown";
Console.WriteLine($"machine: {processor}, {Environment.ProcessorCount} cores, .NET {Environment.Version}");

if (args is [] or ["policies"])
{
    PolicyBench.Run();
}

if (args is [] or ["flows"])
{
    await FlowBench.RunAsync();
}

if (!Environment.IsPrivilegedProcess)
{
    Console.WriteLine("without root nothing is measured in the kernel");
    return;
}

if (args is [] or ["swaps"])
{
    SwapMeasurement? few = null;
    foreach (int prefixes in (int[])[1_000, 10_000, 100_000])
    {
        var taken = SwapMeasurement.Of(new LargePolicy(100, prefixes, 1_000, 10, 10));
        Console.WriteLine($"kernel, {prefixes} prefixes, 1,000 rules: {taken.Text}");
        Console.WriteLine($"  against 1,000: {taken.GrowthFrom(few ?? taken)}");
        few ??= taken;
    }

    Console.WriteLine("  goals for 100,000: swap 300 ms; one ruleset 20 ms and one address 1 ms besides the grace period; adoption 1,000 ms");
}

if (args is [] or ["swap-cost"])
{
    await SwapCostBench.RunAsync();
}

if (args is [] or ["metrics"])
{
    await ScrapeBench.RunAsync();
}

if (args is [] or ["sizes"])
{
    await SizeBench.RunAsync();
}

if (args is [] or ["packets"])
{
    await PacketBench.RunAsync();
}

if (args is ["packets", "hot" or "cold"])
{
    await PacketBench.RunAsync(args[1]);
}

if (args is [] or ["accounts"])
{
    await AccountBench.RunAsync();
}

if (args is [] or ["xdp"])
{
    await XdpBench.RunAsync();
}

if (args is [] or ["connect"])
{
    await ConnectBench.RunAsync();
}

if (args is [] or ["iptables"])
{
    await FilterBench.RunAsync();
}
