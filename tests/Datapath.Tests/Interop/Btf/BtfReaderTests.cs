using System.Buffers.Binary;
using Datapath.Interop.Btf;
using Xunit;

namespace Datapath.Tests.Interop.Btf;

/// <summary>BTF written by hand, and broken.</summary>
public sealed class BtfReaderTests
{
    // "int" of 4 bytes, signed; struct "pair" of 8 bytes with "a" at bit 0 and the 3-bit field "b" at bit 32.
    private static readonly byte[] Sample = Section(
        "\0int\0pair\0a\0b\0",
        [1, 1u << 24, 4, 1u << 24 | 32],
        [5, 1u << 31 | 4u << 24 | 2, 8, 10, 1, 0, 12, 1, 3u << 24 | 32]);

    [Fact]
    public void A_struct_has_members_with_offsets_and_widths()
    {
        BtfTypes types = BtfReader.Read(Sample);
        BtfType pair = Assert.IsType<BtfType>(types.Find(BtfKind.Struct, "pair"));
        Assert.Equal([new BtfMember("a", 1, 0, 0), new BtfMember("b", 1, 32, 3)], pair.Members);
        Assert.Equal(8, types.SizeOf(pair.Id));
        Assert.True(types.Resolve(1).IsSigned);
    }

    [Fact]
    public void No_bytes_are_no_types() => Assert.Empty(BtfReader.Read([]).All);

    [Fact]
    public void Every_cut_is_noticed()
    {
        for (int length = 1; length < Sample.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => BtfReader.Read(Sample.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Broken_bytes_are_read_or_refused_and_never_anything_else()
    {
        var random = new Random(20_250_102);
        int refused = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] broken = [.. Sample];
            broken[random.Next(broken.Length)] = (byte)random.Next(256);
            try
            {
                BtfTypes types = BtfReader.Read(broken);
                Assert.NotEmpty(types.All);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, 19_999);
    }

    [Fact]
    public void A_typedef_of_itself_is_refused()
    {
        BtfTypes types = BtfReader.Read(Section("\0", [0, 8u << 24, 1]));
        Assert.Throws<InvalidDataException>(() => types.SizeOf(1));
    }

    private static byte[] Section(string strings, params uint[][] types)
    {
        byte[] words = [.. types.SelectMany(type => type).SelectMany(BitConverter.GetBytes)];
        var section = new byte[24 + words.Length + strings.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(section, 0xeb9f);
        section[2] = 1;
        BinaryPrimitives.WriteInt32LittleEndian(section.AsSpan(4), 24);
        BinaryPrimitives.WriteInt32LittleEndian(section.AsSpan(12), words.Length);
        BinaryPrimitives.WriteInt32LittleEndian(section.AsSpan(16), words.Length);
        BinaryPrimitives.WriteInt32LittleEndian(section.AsSpan(20), strings.Length);
        words.CopyTo(section, 24);
        System.Text.Encoding.ASCII.GetBytes(strings).CopyTo(section, 24 + words.Length);
        return section;
    }
}
