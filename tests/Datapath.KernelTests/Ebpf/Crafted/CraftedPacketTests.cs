using Datapath.Backends;
using Datapath.Flows;
using Datapath.KernelTests.Support;
using Datapath.Policy.Compilation;
using Xunit;

namespace Datapath.KernelTests.Ebpf.Crafted;

/// <summary>Crafted packets through the shipped programs: what they are taken for, and that what cannot be told is dropped.</summary>
public sealed class CraftedPacketTests(ITestOutputHelper output) : IDisposable
{
    private const int Fewest = 300;

    private static readonly string[] Left = ["not_ip_passed", "forwarded", "vlan_passed", "other_station"];

    private readonly ProgramLab _lab = new();

    [KernelFact]
    public void Packets_are_taken_for_what_they_are()
    {
        _lab.Apply(Policies.Friends);
        CraftedPacket[] packets = [.. new CraftedPackets().All()];
        List<string> wrong = [];
        BackendCounters before = _lab.Backend.ReadCounters();
        foreach (CraftedPacket one in packets)
        {
            bool passed = _lab.Passes(one.Interface, one.IsInwards, one.Frame, one.IsForwarded, one.Segments);
            BackendCounters after = _lab.Backend.ReadCounters();
            string observed = Describe(passed, before, after);
            before = after;
            string? contradiction = Contradiction(passed, one.Expected);
            if (observed != one.Expected || contradiction is not null)
            {
                wrong.Add($"{one.Name}: expected {one.Expected}, observed {observed}{contradiction}");
            }
        }

        Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
        foreach (IGrouping<string, string> expected in packets.Select(one => one.Expected).GroupBy(text => text).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"{expected.Count(),4} {expected.Key}");
        }
    }

    [Fact]
    public void There_are_as_many_as_there_were_and_each_says_what_is_particular_about_it()
    {
        CraftedPacket[] packets = [.. new CraftedPackets().All()];
        Assert.True(packets.Length >= Fewest, $"only {packets.Length}");
        Assert.Equal(packets.Length, packets.Select(one => one.Name).Distinct().Count());
        DropReason[] reasons = [.. Enum.GetValues<DropReason>().Where(reason => packets.Any(one => one.Expected.StartsWith($"drop {reason}", StringComparison.Ordinal)))];
        Assert.Equal([DropReason.Policy, DropReason.ShortHeader, DropReason.BadHeader, DropReason.ExtensionLimit, DropReason.PortsUnknown], reasons);
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Dispose();

    /// <summary>What the counters say of the one packet between two looks.</summary>
    private string Describe(bool passed, BackendCounters before, BackendCounters after)
    {
        (int Rule, long Packets)[] rules = [.. after.Rules.Select(one => (one.Key, one.Value.Packets - Of(before.Rules, one.Key))).Where(one => one.Item2 > 0)];
        IEnumerable<string> reasons = after.Drops.Where(one => one.Value.Packets > Of(before.Drops, one.Key)).Select(one => one.Key.ToString());
        IEnumerable<string> left = Left.Where(name => after.Statistics.GetValueOrDefault(name) > before.Statistics.GetValueOrDefault(name));
        IEnumerable<string> times = rules.Select(one => one.Packets).Distinct().Where(count => count > 1).Select(count => $"x{count}");
        return string.Join(' ', [passed ? "pass" : "drop", .. reasons, .. rules.Select(one => Name(one.Rule)), .. left, .. times]);
    }

    private static long Of<T>(IReadOnlyDictionary<T, PacketCount> counts, T key) => counts.TryGetValue(key, out PacketCount count) ? count.Packets : 0;

    private string Name(int index)
    {
        RuleIdentity rule = _lab.Policy!.Rules.Single(one => one.Index == index).Rule;
        string direction = rule.Direction == Direction.Incoming ? "in" : "out";
        return rule.Kind switch
        {
            RuleKind.Ruleset => $"{rule.Ruleset} {direction} {rule.Position}",
            RuleKind.Default => $"default {direction}",
            _ => $"{rule.Kind} {rule.Ruleset}",
        };
    }

    /// <summary>What is reported of a packet, if it is, must say the same as the counters: null if it does.</summary>
    private string? Contradiction(bool passed, string expected)
    {
        FlowEvent? one = _lab.TakeEvents().SingleOrDefault();
        if (one is null)
        {
            return passed ? null : ", without an event";
        }

        string said = string.Join(' ', (string[])[one.Verdict == Verdict.Allow ? "pass" : "drop", .. one.Reason == DropReason.None ? [] : (string[])[one.Reason.ToString()], .. one.RuleIndex == 0 ? [] : (string[])[Name(one.RuleIndex)]]);
        return expected.StartsWith(said, StringComparison.Ordinal) ? null : $", the event says {said}";
    }
}
