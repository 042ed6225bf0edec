namespace Datapath.Interop.Netlink;

/// <summary>A packet that a rule of NFLOG handed over.</summary>
/// <param name="hook">NF_INET_*: 0 is PREROUTING, 4 POSTROUTING.</param>
/// <param name="mark">The packet's mark.</param>
/// <param name="inputInterface">Index of the interface that it came in by, or 0.</param>
/// <param name="outputInterface">Index of the interface that it goes out by, or 0.</param>
/// <param name="prefix">What the rule says.</param>
/// <param name="payload">The packet from its IP header on, as much as was asked for.</param>
public readonly ref struct LoggedPacket(int hook, uint mark, int inputInterface, int outputInterface, string prefix, ReadOnlySpan<byte> payload)
{
    /// <summary>NF_INET_*: 0 is PREROUTING, 4 POSTROUTING.</summary>
    public int Hook { get; } = hook;

    /// <summary>The packet's mark.</summary>
    public uint Mark { get; } = mark;

    /// <summary>Index of the interface that it came in by, or 0.</summary>
    public int InputInterface { get; } = inputInterface;

    /// <summary>Index of the interface that it goes out by, or 0.</summary>
    public int OutputInterface { get; } = outputInterface;

    /// <summary>How many were handed over to this listener before it, those included that it never got; modulo 2^32.</summary>
    public uint Number { get; init; }

    /// <summary>What the rule says.</summary>
    public string Prefix { get; } = prefix;

    /// <summary>The packet from its IP header on, as much as was asked for.</summary>
    public ReadOnlySpan<byte> Payload { get; } = payload;
}
