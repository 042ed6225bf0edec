using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Datapath.Backends.Ebpf;

/// <summary>The structs of <c>bpf/include/dp_abi.h</c> that the agent reads and writes.</summary>
internal static class Abi
{
    public const uint Version = 1;
    public const int GenerationSlots = 3;
    public const int InstanceBytes = 32;
}

[InlineArray(6)]
internal struct DpPortLines
{
    private uint _first;
}

[InlineArray(Abi.InstanceBytes)]
internal struct DpInstance
{
    private byte _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DpGeneration
{
    public uint Id;
    public uint Base;
    public uint Lines;
    public uint IPv4Root;
    public uint IPv6Root;
    public DpPortLines Ports;
    public uint Units;
    public uint UnitCount;
    public uint Descriptors;
    public uint LocalDescriptor;
    public uint Reserved;
    public ulong Checksum;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DpControl
{
    public uint ActiveSlot;
    public uint AbiVersion;
    public ulong NetworkNamespace;
    public DpInstance Instance;
}

[StructLayout(LayoutKind.Sequential)]
internal record struct DpInterface
{
    public ushort Unit;
    public byte Role;
    public byte Link;
}

/// <summary>An address of either family; IPv4 is written ::ffff:a.b.c.d.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct DpAddress
{
    public uint Word0BigEndian;
    public uint Word1BigEndian;
    public uint Word2BigEndian;
    public uint Word3BigEndian;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DpCounter
{
    public ulong Packets;
    public ulong Bytes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DpEvent
{
    public ulong TimeNanoseconds;
    public DpAddress Source;
    public DpAddress Destination;
    public ushort SourcePortBigEndian;
    public ushort DestinationKey;
    public ushort Unit;
    public byte Protocol;
    public byte Hook;
    public byte Direction;
    public byte Verdict;
    public byte Reason;
    public byte Flags;
    public uint RuleIndex;
    public uint ObservedRuleIndex;
    public uint Generation;
}
