using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;

namespace Datapath.Policy.Sampling;

/// <summary>A connection, and what the written policy says of it.</summary>
/// <param name="Unit">Number of the unit that is asked.</param>
/// <param name="Direction">Whether the unit receives the connection or opens it.</param>
/// <param name="Peer">The other end.</param>
/// <param name="Table">What kind of key <paramref name="Key"/> is.</param>
/// <param name="Key">Destination port, type and code, or protocol number.</param>
/// <param name="Verdict">Whether it passes.</param>
/// <param name="RuleIndex">Number of the rule that decides.</param>
public sealed record SampledJudgement(int Unit, Direction Direction, AddressKey Peer, PortTable Table, ushort Key, Verdict Verdict, int RuleIndex);
