using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using Datapath.Agent.Hosting;
using Datapath.Agent.Loops;
using Datapath.Backends.Ebpf;
using Datapath.Backends.Iptables;
using Datapath.Policy.Compilation;
using Datapath.Policy.Options;
using Datapath.Policy.Rulesets;

namespace Datapath.Agent.Commands;

/// <summary>What the texts of option values mean. Refusals are sentences that say what to write.</summary>
internal static class OptionText
{
    private const string In = "in:";
    private const string Out = "out:";
    private const int LeastFlows = 1024;
    private const int MostFlows = 1 << 26;

    // Two say who judges and what is an answer; the others number classes of addresses.
    private const int LeastPacketMarkBits = 4;

    // The smallest policy takes more than one.
    private const int LeastMebibytes = 2;

    /// <summary>A flag given on the command line is the text <c>true</c>; a variable may say either.</summary>
    public static OptionReading<bool> Flag(string text) =>
        text switch
        {
            "1" or "true" or "yes" => true,
            "0" or "false" or "no" => false,
            _ => Refused<bool>($"'{text}' is neither yes nor no: write 1 or 0"),
        };

    /// <summary>Any text that is not blank.</summary>
    public static OptionReading<string> Text(string text) =>
        string.IsNullOrWhiteSpace(text) ? Refused<string>("an empty text") : text.Trim();

    /// <summary><c>drop</c> or <c>reset</c>.</summary>
    public static OptionReading<DeniedAnswer> Answer(string text) =>
        text switch
        {
            "drop" => DeniedAnswer.Drop,
            "reset" => DeniedAnswer.Reset,
            _ => Refused<DeniedAnswer>($"'{text}' is neither drop nor reset"),
        };

    /// <summary>A path, made absolute later by who uses it.</summary>
    public static OptionReading<string> Path(string text) =>
        string.IsNullOrWhiteSpace(text) || text.Contains('\0', StringComparison.Ordinal) ? Refused<string>("an empty path") : text;

    /// <summary>The same where null stands for a path that follows from other options.</summary>
    public static OptionReading<string?> OptionalPath(string text)
    {
        (string? path, string? problem) = (Path(text).Value, Path(text).Problem);
        return new OptionReading<string?>(path, problem);
    }

    /// <summary>The name of an instance.</summary>
    public static OptionReading<InstanceName> Instance(string text) =>
        InstanceName.Parse(text) is { } name
            ? name
            : Refused<InstanceName>($"'{text}' is not a name: 1 to {InstanceName.MaxLength} characters of a-z, 0-9 and -");

    /// <summary>An absolute namespace.</summary>
    public static OptionReading<string> Namespace(string text) =>
        text.StartsWith('/') && (text.Length == 1 || !text.EndsWith('/')) && !text.Contains("//", StringComparison.Ordinal)
            ? text
            : Refused<string>($"'{text}' is not an absolute namespace: write / or /a/b");

    /// <summary><c>allow</c> or <c>reject</c>.</summary>
    public static OptionReading<DefaultAction> DefaultAction(string text) =>
        text switch
        {
            "allow" => Policy.Rulesets.DefaultAction.Allow,
            "reject" => Policy.Rulesets.DefaultAction.Reject,
            _ => Refused<DefaultAction>($"'{text}' is neither allow nor reject"),
        };

    /// <summary>A number of flows: not so few that a CPU's own stock of free entries takes all, and not more than the kernel can count.</summary>
    public static OptionReading<int> FlowLimit(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) && limit is >= LeastFlows and <= MostFlows
            ? limit
            : Refused<int>($"'{text}' is not a number of flows: write {LeastFlows} to {MostFlows}");

    /// <summary>Kernel memory for policies, in MiB.</summary>
    public static OptionReading<int> ImageMemory(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int mebibytes) && mebibytes is >= LeastMebibytes and <= EbpfOptions.MostArenaMebibytes
            ? mebibytes
            : Refused<int>($"'{text}' is not a number of MiB: write {LeastMebibytes} to {EbpfOptions.MostArenaMebibytes}");

    /// <summary>Kernel memory for what is remembered of packets, in MiB.</summary>
    public static OptionReading<int> DigestMemory(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int mebibytes) && mebibytes is >= 1 and <= EbpfOptions.MostDigestMebibytes
            ? mebibytes
            : Refused<int>($"'{text}' is not a number of MiB: write 1 to {EbpfOptions.MostDigestMebibytes}");

    /// <summary>Bits of the packet mark: one run, for what is counted in them are numbers.</summary>
    public static OptionReading<uint> PacketMark(string text) =>
        Mask(text) is { } mask && BitOperations.PopCount(mask) >= LeastPacketMarkBits && IsOneRun(mask)
            ? mask
            : Refused<uint>($"'{text}' is not one run of {LeastPacketMarkBits} to 32 bits: write 0xffff0000");

    /// <summary>Bits of the connection mark, each with a meaning of its own.</summary>
    public static OptionReading<uint> ConnectionMark(string text) =>
        Mask(text) is { } mask && BitOperations.PopCount(mask) == BitOperations.PopCount(IptablesOptions.DefaultConnectionMarkBits)
            ? mask
            : Refused<uint>($"'{text}' does not have three bits: write 0x70000000");

    /// <summary>As <see cref="PacketMark"/> and <see cref="ConnectionMark"/> read it.</summary>
    public static string Of(uint mask) => string.Create(CultureInfo.InvariantCulture, $"0x{mask:x}");

    private static uint? Mask(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal) && uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint mask) ? mask : null;

    private static bool IsOneRun(uint mask) => BitOperations.PopCount(mask) + BitOperations.LeadingZeroCount(mask) + BitOperations.TrailingZeroCount(mask) == 32;

    /// <summary>A whole number of seconds, minutes or hours, one day at most.</summary>
    public static OptionReading<TimeSpan> Time(string text)
    {
        bool isNumber = int.TryParse(text.AsSpan(0, Math.Max(0, text.Length - 1)), NumberStyles.None, CultureInfo.InvariantCulture, out int count);
        long secondsOfUnit = text is [.., var unit] ? unit switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 } : 0;
        long seconds = count * secondsOfUnit;
        return isNumber && seconds >= 1 && seconds <= PolicyOrder.LongestTime.TotalSeconds
            ? TimeSpan.FromSeconds(seconds)
            : Refused<TimeSpan>($"'{text}' is not a time: write 90s, 2m or 1h, at most 24h");
    }

    /// <summary><c>off</c>, <c>auto</c> or <c>require</c>.</summary>
    public static OptionReading<XdpChoice> Xdp(string text) =>
        text switch
        {
            "off" => XdpChoice.Off,
            "auto" => XdpChoice.Auto,
            "require" => XdpChoice.Require,
            _ => Refused<XdpChoice>($"'{text}' is none of off, auto and require"),
        };

    /// <summary><c>auto</c>, <c>tcx</c> or <c>clsact</c>.</summary>
    public static OptionReading<TcHookChoice> TcHook(string text) =>
        text switch
        {
            "auto" => TcHookChoice.Auto,
            "tcx" => TcHookChoice.Tcx,
            "clsact" => TcHookChoice.Clsact,
            _ => Refused<TcHookChoice>($"'{text}' is none of auto, tcx and clsact"),
        };

    /// <summary><c>keyvalue</c> or <c>json</c>.</summary>
    public static OptionReading<LogFormat> LogFormat(string text) =>
        text switch
        {
            "keyvalue" => Hosting.LogFormat.KeyValue,
            "json" => Hosting.LogFormat.Json,
            _ => Refused<LogFormat>($"'{text}' is neither keyvalue nor json"),
        };

    /// <summary><c>none</c>, or ports with their direction, separated by commas.</summary>
    public static OptionReading<ImmutableArray<FailsafePort>> Failsafe(string text)
    {
        if (text == "none")
        {
            return ImmutableArray<FailsafePort>.Empty;
        }

        ImmutableArray<FailsafePort>.Builder ports = ImmutableArray.CreateBuilder<FailsafePort>();
        foreach (string item in text.Split(',', StringSplitOptions.TrimEntries))
        {
            OptionReading<FailsafePort> reading = Port(item);
            if (reading.Problem is { } problem)
            {
                return Refused<ImmutableArray<FailsafePort>>(problem);
            }

            ports.Add(reading.Value!);
        }

        return ports.ToImmutable();
    }

    /// <summary>Ports as <see cref="Failsafe"/> reads them.</summary>
    public static string Of(ImmutableArray<FailsafePort> ports) =>
        ports.IsEmpty ? "none" : string.Join(',', ports.Select(port => (port.Direction == Direction.Incoming ? In : Out) + port));

    private static OptionReading<FailsafePort> Port(string item)
    {
        bool isIncoming = item.StartsWith(In, StringComparison.Ordinal);
        if (!isIncoming && !item.StartsWith(Out, StringComparison.Ordinal))
        {
            return Refused<FailsafePort>($"'{item}' does not say who opens the connection: write in:tcp/22 or out:udp/53, or none alone");
        }

        FailsafePortReading reading = FailsafePort.Parse(
            isIncoming ? Direction.Incoming : Direction.Outgoing,
            item[(isIncoming ? In.Length : Out.Length)..]
        );
        return new OptionReading<FailsafePort>(reading.Port, reading.Problem);
    }

    private static OptionReading<T> Refused<T>(string problem) => new(default, problem);
}
