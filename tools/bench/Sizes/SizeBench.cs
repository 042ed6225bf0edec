using System.Diagnostics;
using System.Globalization;
using System.Text;
using Datapath.Lab.Agents;
using Datapath.Lab.Networks;

namespace Datapath.Bench.Sizes;

/// <summary>What the agent itself takes: time to start, memory and processor while nothing happens.</summary>
internal static class SizeBench
{
    private const int Rules = 1000;
    private const int RulesOfRuleset = 100;
    private const int ClockTicks = 100; // sysconf(_SC_CLK_TCK), the same on every Linux that .NET runs on
    private const string Release = "out/pack/image/datapath";

    // Ten to twenty seconds after a policy came into force the agent makes itself small, once (SettleLoop): that is not idle yet.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(30);

    /// <summary>Prints them beside their goals, for both backends.</summary>
    public static async Task RunAsync()
    {
        string executable = Path.GetFullPath(File.Exists(Release) ? Release : "out/datapath");
        Console.WriteLine($"agent: {(File.Exists(Release) ? "release" : "development build; ./build.sh pack makes what is released")}, {executable}");
        foreach (bool enableEbpf in (bool[])[true, false])
        {
            await MeasureAsync(executable, enableEbpf);
        }
    }

    private static async Task MeasureAsync(string executable, bool enableEbpf)
    {
        string name = LabNetwork.PrefixFor("dpsize");
        string work = Directory.CreateTempSubdirectory("dps-").FullName;
        await using LabNetwork network = new(name);
        LabHost host = await network.AddHostAsync("host");
        await LabNetwork.ConnectAsync(host, "up0", await network.AddHostAsync("peer"), "down0");
        AgentSite site = new(executable, host, name, work) { EnableEbpf = enableEbpf };
        Directory.CreateDirectory(site.PolicyPath);
        await File.WriteAllTextAsync(Path.Combine(site.PolicyPath, "policy.yaml"), Policy());
        try
        {
            // The first start of a machine reads the executable from the disk.
            double[] starts = [await StartAsync(site), await StartAsync(site), await StartAsync(site)];
            await using RunningAgent agent = await site.StartAsync([], CancellationToken.None);
            await Task.Delay(Settling);
            double before = ProcessorSeconds(agent.ProcessId);
            long start = Stopwatch.GetTimestamp();
            await Task.Delay(Idle);
            double share = (ProcessorSeconds(agent.ProcessId) - before) / Stopwatch.GetElapsedTime(start).TotalSeconds;
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {(enableEbpf ? "ebpf" : "iptables"),-8} start to enforcing {Rules} rules {starts.Min():F2} s, at most {starts.Max():F2} s (goal 1 s); idle: {ResidentMegabytes(agent.ProcessId):F0} MB resident (goal 80 MB), {share * 100:F2} % of a core (goal 0.5 %)"
                )
            );
        }
        finally
        {
            await site.PurgeAsync();
            Directory.Delete(work, recursive: true);
        }
    }

    // From nothing: what an earlier agent left would be adopted.
    private static async Task<double> StartAsync(AgentSite site)
    {
        long start = Stopwatch.GetTimestamp();
        double seconds;
        await using (RunningAgent agent = await site.StartAsync([], CancellationToken.None))
        {
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        await site.PurgeAsync();
        return seconds;
    }

    // proc(5): user and system time are the 14th and 15th field, those of programs that it ran the next two; the name before them may hold blanks.
    private static double ProcessorSeconds(int process)
    {
        string stat = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture)) / (double)ClockTicks;
    }

    private static double ResidentMegabytes(int process)
    {
        string line = File.ReadLines($"/proc/{process}/status").First(one => one.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024.0;
    }

    private static string Policy()
    {
        StringBuilder text = new("APIVersion: 1\nlabel: sizes\ndata:\n  externalnetworks:\n");
        for (int i = 0; i < Rules / RulesOfRuleset; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"    - {{ name: n{i}, namespace: /, associatedTags: [\"externalnetwork:name=n{i}\"], entries: [10.{i}.0.0/16] }}\n");
        }

        text.Append("  networkrulesetpolicies:\n");
        for (int i = 0; i < Rules / RulesOfRuleset; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"    - name: r{i}\n      namespace: /\n      subject: [[\"$identity=processingunit\"]]\n      incomingRules:\n");
            for (int j = 0; j < RulesOfRuleset; j++)
            {
                text.Append(CultureInfo.InvariantCulture, $"        - {{ action: Allow, object: [[\"externalnetwork:name=n{i}\"]], protocolPorts: [tcp/{1000 + (j * 10)}] }}\n");
            }
        }

        return text.ToString();
    }
}
