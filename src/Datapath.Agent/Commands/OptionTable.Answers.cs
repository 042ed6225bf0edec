using System.Globalization;
using Datapath.Agent.Hosting;

namespace Datapath.Agent.Commands;

/// <content>Options of the commands that ask a running agent.</content>
internal sealed partial class OptionTable
{
    // Those of the product's ping.
    private const int MostIterations = 20;

    private static readonly TimeSpan LongestPatience = TimeSpan.FromSeconds(30);

    /// <summary>How many connections are listed.</summary>
    public AgentOption<int> Limit { get; } =
        Option("--limit", "N", "How many are listed at most", null, 10_000, "10000", FlowText.Count, sources);

    /// <summary>The confirmed policy, and not the active one.</summary>
    public AgentOption<bool> Confirmed { get; } =
        Option("--confirmed", null, "The policy that a start begins with; without it the one that packets are judged by", null, false, null, OptionText.Flag, sources);

    /// <summary>Where files are written.</summary>
    public AgentOption<string?> Into { get; } =
        Option("--into", "DIR", "Write the files there, under their names", null, null, "standard output, as one", OptionText.OptionalPath, sources);

    /// <summary>The file of a collection.</summary>
    public AgentOption<string?> IntoFile { get; } =
        Option("--into", "FILE", "The file to make", null, null, "datapath-INSTANCE-TIME.tar.gz here", OptionText.OptionalPath, sources);

    /// <summary>Whose dropped packets.</summary>
    public AgentOption<string?> Pcap { get; } =
        Option<string?>("--pcap", "PU", "Also the packets that are dropped at this processing unit from now on, as a file of libpcap", null, null, null, text => new OptionReading<string?>(OptionText.Text(text).Value, OptionText.Text(text).Problem), sources);

    /// <summary>How long they are watched.</summary>
    public AgentOption<TimeSpan> PcapFor { get; } =
        Option("--pcap-for", "TIME", "How long packets are watched, at most 5m", null, TimeSpan.FromSeconds(10), "10s", PcapForOf, sources);

    /// <summary>What a probe is.</summary>
    public AgentOption<PingMode> Mode { get; } =
        Option("--mode", "auto|l3|l4", "What is sent: l3 an ICMP echo, l4 a TCP connection; auto is l4 where there is a port", null, PingMode.Auto, "auto", ModeOf, sources);

    /// <summary>How many probes.</summary>
    public AgentOption<int> Iterations { get; } =
        Option("--iterations", "N", "How many probes, 1 to 20, one after the other", null, 1, "1", IterationsOf, sources);

    /// <summary>How long an answer is waited for.</summary>
    public AgentOption<TimeSpan> Within { get; } =
        Option("--within", "TIME", "How long each answer is waited for, at most 30s", null, TimeSpan.FromSeconds(3), "3s", WithinOf, sources);

    private static OptionReading<TimeSpan> PcapForOf(string text) =>
        OptionText.Time(text) is { Problem: null, Value: var time } && time.TotalSeconds <= CaptureRequest.LongestSeconds
            ? time
            : new OptionReading<TimeSpan>(default, $"'{text}' is not a time of at most 5m: write 10s");

    private static OptionReading<PingMode> ModeOf(string text) =>
        text switch
        {
            "auto" => PingMode.Auto,
            "l3" => PingMode.Layer3,
            "l4" => PingMode.Layer4,
            _ => new OptionReading<PingMode>(default, $"'{text}' is neither auto, l3 nor l4"),
        };

    private static OptionReading<int> IterationsOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is >= 1 and <= MostIterations
            ? count
            : new OptionReading<int>(0, $"'{text}' is not a number from 1 to {MostIterations}");

    private static OptionReading<TimeSpan> WithinOf(string text) =>
        OptionText.Time(text) is { Problem: null, Value: var time } && time <= LongestPatience
            ? time
            : new OptionReading<TimeSpan>(default, $"'{text}' is not a time of at most 30s: write 3s");
}
