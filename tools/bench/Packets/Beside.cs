namespace Datapath.Bench.Packets;

/// <summary>What packets cost while something else goes on.</summary>
internal static class Beside
{
    private const int Runs = 4096;

    /// <summary>Runs packets for as long as a task takes; nanoseconds a packet, of each run.</summary>
    /// <param name="lab">Where; its packets are chosen.</param>
    /// <param name="task">What goes on.</param>
    public static List<double> Measure(PacketLab lab, Task task)
    {
        var taken = new List<double>();
        while (!task.IsCompleted)
        {
            taken.Add(lab.Run("bench_ingress", Runs));
        }

        task.GetAwaiter().GetResult();
        return taken;
    }

    /// <summary>The mean without the slowest tenth: those whose processor was taken away meanwhile.</summary>
    /// <param name="values">At least two.</param>
    public static double TrimmedMean(List<double> values) => values.Order().Take(values.Count * 9 / 10).Average();
}
