using System.Buffers.Binary;
using System.Text;
using Datapath.Bindgen.Model;

namespace Datapath.Bindgen.Btf;

/// <summary>Takes one section out of an ELF file of 64 bits, little endian.</summary>
/// <remarks>Offsets of Elf64_Ehdr and Elf64_Shdr, elf(5).</remarks>
internal static class ElfSection
{
    private const int HeaderBytes = 64;
    private const int SectionHeaderBytes = 64;

    /// <summary>The bytes of a section.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="name">Such as <c>.BTF</c>.</param>
    /// <exception cref="BindgenException">Not such a file, or no such section.</exception>
    internal static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> file, string name)
    {
        if (file.Length < HeaderBytes || !file[..6].SequenceEqual("\u007fELF\u0002\u0001"u8))
        {
            throw new BindgenException("not an ELF file of 64 bits, little endian");
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[60..]);
        int namesIndex = BinaryPrimitives.ReadUInt16LittleEndian(file[62..]);
        ReadOnlySpan<byte> names = Contents(file, namesIndex);
        for (int i = 0; i < count; i++)
        {
            int nameAt = BinaryPrimitives.ReadInt32LittleEndian(Header(file, i));
            if (names[nameAt..].StartsWith(Encoding.ASCII.GetBytes(name + '\0')))
            {
                return Contents(file, i);
            }
        }

        throw new BindgenException($"the object has no section {name}: was it compiled with -g?");
    }

    private static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> file, int index)
    {
        long tableAt = BinaryPrimitives.ReadInt64LittleEndian(file[40..]);
        return file.Slice((int)tableAt + index * SectionHeaderBytes, SectionHeaderBytes);
    }

    private static ReadOnlySpan<byte> Contents(ReadOnlySpan<byte> file, int index)
    {
        ReadOnlySpan<byte> header = Header(file, index);
        long at = BinaryPrimitives.ReadInt64LittleEndian(header[24..]);
        long size = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        return file.Slice((int)at, (int)size);
    }
}
