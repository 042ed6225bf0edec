using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Datapath.Interop.Btf;
using Datapath.Tests.Tools.Bindgen.Imports;
using Datapath.Tests.Tools.Bindgen.Mirror;
using Xunit;

namespace Datapath.Tests.Tools.Bindgen;

/// <summary>The recorded files, compiled and used: that they read well is not yet that they are right.</summary>
public sealed class GeneratedCodeTests
{
    [Fact]
    public void Structs_are_as_large_as_in_the_object()
    {
        BtfTypes types = Border.Types();
        Assert.Equal(RecordedStruct.Of(types, "dp_nested")!.SizeBytes, Unsafe.SizeOf<DpNested>());
        Assert.Equal(RecordedStruct.Of(types, "dp_wire")!.SizeBytes, Unsafe.SizeOf<DpWire>());
        Assert.Equal(RecordedStruct.Of(types, "dp_bits")!.SizeBytes, Unsafe.SizeOf<DpBits>());
        Assert.Equal(RecordedStruct.Of(types, "dp_shared")!.SizeBytes, Unsafe.SizeOf<DpShared>());
        Assert.Equal(24, Unsafe.SizeOf<border_opts>());
    }

    [Fact]
    public void Bit_fields_lie_where_C_puts_them()
    {
        // As gcc and clang lay struct dp_bits out on little endian: 1 | 0x55 << 1 | -3 << 12 | 2 << 24, then 40 and 3 bits.
        var bits = new DpBits { One = 1, Seven = 0x55, Temperature = -3, Colour = DpColour.DarkBlue, Wide = 0x12_3456_789a, Narrow = 5 };
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<DpBits>(in bits));
        Assert.Equal(0x02ffd0abu, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
        Assert.Equal(0x12_3456_789aul | 5ul << 40, BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
    }

    [Fact]
    public void A_bit_field_comes_back_and_leaves_its_neighbours_alone()
    {
        var bits = new DpBits { One = 1, Seven = 127, Temperature = -2048, Colour = DpColour.DarkBlue, Wide = (1ul << 40) - 1, Narrow = 7 };
        bits.Seven = 0;
        bits.Colour = DpColour.Red;
        Assert.Equal((1u, 0u, -2048, DpColour.Red), (bits.One, bits.Seven, bits.Temperature, bits.Colour));
        bits.Temperature = 2047;
        bits.Wide = 1;
        Assert.Equal((2047, 1ul, (byte)7, 1u), (bits.Temperature, bits.Wide, bits.Narrow, bits.One));
        bits.Seven = 128; // one bit too many: cut off, as in C
        Assert.Equal((0u, 1u, 2047), (bits.Seven, bits.One, bits.Temperature));
    }

    [Fact]
    public void Members_of_a_union_share_their_bytes()
    {
        var shared = new DpShared { Whole = 0x11223344 };
        Assert.Equal((0x3344, 0x1122, 0x44), (shared.Low, shared.High, shared.Parts[0]));
        var either = new DpEither { Number = 0x41 };
        Assert.Equal((byte)'A', either.Text[0]);
    }

    [Fact]
    public void Nested_members_and_arrays_are_reached_by_name_and_index()
    {
        var nested = new DpNested();
        nested.Many[2].Second[1] = 9;
        nested.ByMember.Right = 8;
        nested.Grid[5] = 7;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<DpNested>(in nested));
        Assert.Equal((9, 8, 7), (bytes[15], bytes[20], bytes[60]));
    }

    [Fact]
    public void Values_are_equal_when_their_bytes_are()
    {
        var one = new DpWire { PortBigEndian = 1, CookieBigEndian = 2 };
        DpWire other = one;
        Assert.True(one == other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        other.LongAddressBigEndian[3] = 1;
        Assert.True(one != other);
        Assert.False(one.Equals((object)other));
    }

    [Fact]
    public void Maps_carry_their_types()
    {
        Assert.Equal("dp_wires", DpMaps.Wires.Name);
        Assert.Equal("dp_ring", DpMaps.Ring);
        Assert.Equal(7, Abi.BorderVersion);
    }

    [Fact]
    public void The_recorded_layout_is_that_of_the_object() => AbiLayout.Recorded.Verify(Border.Types());

    [Fact]
    public void Every_drift_is_named()
    {
        Assert.Equal(
            "struct dp_wire of the object has host_port of 2 bytes at byte 2, this program was built for host_port of 2 bytes at byte 4",
            Drift(layout => Changed(layout, "dp_wire", "host_port", member => member with { OffsetBits = 32 })));
        Assert.Equal(
            "struct dp_bits of the object has temperature of 12 bits at bit 12, this program was built for temperature of 11 bits at bit 12",
            Drift(layout => Changed(layout, "dp_bits", "temperature", member => member with { WidthBits = 11 })));
        Assert.Equal(
            "struct dp_nested of the object has by_member.left of 4 bytes at byte 16, this program was built for by_member.left of 2 bytes at byte 16",
            Drift(layout => Changed(layout, "dp_nested", "by_member.left", member => member with { SizeBytes = 2 })));
        Assert.Equal(
            "struct dp_wire of the object has no member port2, this program was built for port2 of 2 bytes at byte 0",
            Drift(layout => Changed(layout, "dp_wire", "port", member => member with { Name = "port2" })));
        Assert.Equal(
            "enum dp_colour of the object does not have DP_COLOUR_RED = 5",
            Drift(layout => layout with { Enums = [new RecordedEnum("dp_colour", [new BtfEnumerator("DP_COLOUR_RED", 5)])] }));
        Assert.Equal(
            "enum dp_colour of the object also has DP_COLOUR_DARK_BLUE = 2",
            Drift(layout => layout with { Enums = [new RecordedEnum("dp_colour", [new BtfEnumerator("DP_COLOUR_RED", 0)])] }));
        Assert.Equal(
            "map dp_wires of the object has keys of 32 bytes and values of 64, this program was built for 32 and 60",
            Drift(layout => layout with { Maps = [new RecordedMap("dp_wires", 32, 60)] }));
        Assert.Equal("the object has no map dp_none", Drift(layout => layout with { Maps = [new RecordedMap("dp_none", 4, 4)] }));
        Assert.Equal(
            "the object does not know struct dp_none",
            Drift(layout => layout with { Structs = [new RecordedStruct("dp_none", 4, [])] }));
    }

    private static string Drift(Func<RecordedLayout, RecordedLayout> change) =>
        Assert.Throws<LayoutMismatchException>(() => change(AbiLayout.Recorded).Verify(Border.Types())).Message;

    private static RecordedLayout Changed(RecordedLayout layout, string name, string member, Func<RecordedMember, RecordedMember> change) =>
        layout with { Structs = [.. layout.Structs.Select(recorded => recorded.Name == name ? Changed(recorded, member, change) : recorded)] };

    private static RecordedStruct Changed(RecordedStruct recorded, string member, Func<RecordedMember, RecordedMember> change)
    {
        ImmutableArray<RecordedMember> members = [.. recorded.Members.Select(one => one.Name == member ? change(one) : one)];
        return recorded with { Members = members };
    }
}
