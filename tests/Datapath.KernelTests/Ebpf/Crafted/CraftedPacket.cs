namespace Datapath.KernelTests.Ebpf.Crafted;

/// <summary>A packet made byte by byte, and all that becomes of it.</summary>
/// <param name="Name">What is particular about it.</param>
/// <param name="Frame">From the Ethernet header on.</param>
/// <param name="Expected">
/// Verdict, reason and rule, as the counters tell: <c>pass everyone in 1</c>, <c>drop Policy default in</c>, <c>drop ShortHeader</c>; or what
/// it was left to others for: <c>pass forwarded</c>.
/// </param>
internal sealed record CraftedPacket(string Name, byte[] Frame, string Expected)
{
    public string Interface { get; init; } = "up0";

    public bool IsInwards { get; init; } = true;

    /// <summary>For what goes out: whether it came in by another interface.</summary>
    public bool IsForwarded { get; init; }

    /// <summary>How many packets on the wire it stands for; 0 where nobody says.</summary>
    public int Segments { get; init; }
}
