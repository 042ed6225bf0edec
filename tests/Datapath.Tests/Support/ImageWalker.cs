using System.Numerics;
using System.Runtime.InteropServices;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Compilation;
using Datapath.Policy.Inventory;
using Xunit;

namespace Datapath.Tests.Support;

/// <summary>Walks an image as <c>bpf/lib/policy.h</c> does: what a backend installs, read back without a kernel.</summary>
internal sealed class ImageWalker(PolicyImage image)
{
    private const uint NodeBit = 0x8000_0000;
    private const uint SkipBit = 0x4000_0000;
    private const uint LowBit = 0x4000_0000;
    private const uint LineMask = 0x3fff_ffff;

    /// <summary>Peer class and owning unit of an address.</summary>
    public (int Class, int Unit) Classify(AddressKey address)
    {
        uint leaf = address.IsIPv6 ? ClassifyIPv6(address.Value) : ClassifyIPv4((uint)address.Value);
        return ((int)(leaf & 0xffff), (int)(leaf >> 16));
    }

    /// <summary>The descriptor that decides a connection.</summary>
    public Descriptor Decide(int unit, Direction direction, AddressKey peer, PortTable table, ushort key)
    {
        (int peerClass, int owner) = Classify(peer);
        if (owner == unit)
        {
            return DescriptorAt(image.Layout.LocalDescriptor);
        }

        uint rows = Word(image.Layout.Units, (unit * 4) + (int)direction);
        uint row = Word((int)rows, peerClass);
        int portClass = Half(image.Layout.Ports[(int)table], key);
        return DescriptorAt(image.Layout.Form == RowForm.Dense ? Half((int)row, portClass) : CellOf(row, portClass));
    }

    private int CellOf(uint entry, int portClass)
    {
        if ((entry & (NodeBit | LowBit)) == NodeBit)
        {
            entry = Follow(entry, (byte)(portClass >> 8));
        }

        return (int)Follow(entry, (byte)portClass);
    }

    private Descriptor DescriptorAt(int cell)
    {
        uint packed = Word(image.Layout.Descriptors, (cell * 4) + 2);
        return new Descriptor(
            (Verdict)(byte)packed,
            (DescriptorFlags)(packed >> 16),
            (int)Word(image.Layout.Descriptors, cell * 4),
            (int)Word(image.Layout.Descriptors, (cell * 4) + 1),
            (Verdict)(byte)(packed >> 8)
        );
    }

    private uint ClassifyIPv4(uint address)
    {
        uint entry = Word(image.Layout.IPv4Root, (int)(address >> 16));
        entry = Follow(entry, (byte)(address >> 8));
        return Follow(entry, (byte)address);
    }

    private uint ClassifyIPv6(UInt128 address)
    {
        uint entry = Word(image.Layout.IPv6Root, (int)(address >> 112));
        int depth = 2;
        int steps = 0;
        while ((entry & NodeBit) != 0)
        {
            // DP_IP6_STEPS: what the kernel walks at most.
            Assert.True(steps++ < 14, "a path longer than the kernel follows");
            if ((entry & SkipBit) == 0)
            {
                entry = Follow(entry, (byte)(address >> (120 - (depth * 8))));
                depth++;
                continue;
            }

            int line = (int)(entry & LineMask);
            UInt128 mask = new(Long(line, 2), Long(line, 3));
            if ((address & mask) != new UInt128(Long(line, 0), Long(line, 1)))
            {
                return Word(line, 8);
            }

            entry = Word(line, 9);
            depth = (int)Word(line, 10);
        }

        return entry;
    }

    private uint Follow(uint entry, byte slot)
    {
        if ((entry & NodeBit) == 0)
        {
            return entry;
        }

        int line = (int)(entry & LineMask);
        int quarter = slot >> 6;
        int before = (int)((Word(line, 8) >> (quarter * 8)) & 0xff);
        int run = before + BitOperations.PopCount(Long(line, quarter) & (ulong.MaxValue >> (63 - (slot & 63)))) - 1;
        return Word(line, 9 + run);
    }

    private uint Word(int line, int index) => image.Words.Span[(line * PolicyImage.LineWords) + index];

    private ushort Half(int line, int index) => MemoryMarshal.Cast<uint, ushort>(image.Words.Span[(line * PolicyImage.LineWords)..])[index];

    private ulong Long(int line, int index) => MemoryMarshal.Cast<uint, ulong>(image.Words.Span[(line * PolicyImage.LineWords)..])[index];
}
