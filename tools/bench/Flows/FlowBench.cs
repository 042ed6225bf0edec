using System.Globalization;

namespace Datapath.Bench.Flows;

/// <summary>What it costs to turn the kernel's events into records in files.</summary>
internal static class FlowBench
{
    private const int Goal = 100_000;

    /// <summary>Prints the measurements beside their goal.</summary>
    public static async Task RunAsync()
    {
        // The first run pays for the just-in-time compiler.
        await FlowMeasurement.OfAsync(eventsPerSecond: 50_000, differentFlows: 1000, TimeSpan.FromSeconds(2));
        foreach ((string what, int flows) in (IEnumerable<(string, int)>)[("1,000 flows that repeat", 1000), ("every event a new flow", int.MaxValue)])
        {
            FlowMeasurement one = await FlowMeasurement.OfAsync(Goal, flows, TimeSpan.FromSeconds(5));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"flow events, {what}: {one.Text}"));
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"  goal {Goal} a second on one core: {one.CoreShare:P0} of a core, {1 / one.CoreShare:F1} times as many would fit")
            );
        }
    }
}
