using System.Runtime.InteropServices;
using System.Text;

namespace Datapath.Interop;

/// <summary>Strings as C has them: UTF-8 with a zero byte at the end.</summary>
internal static unsafe class Utf8Text
{
    /// <summary>The bytes of a string and a zero byte.</summary>
    /// <exception cref="ArgumentException">The string has a zero byte inside: C would see a shorter one.</exception>
    internal static byte[] ZeroTerminated(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("a zero byte inside a name", nameof(text));
        }

        var bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    /// <summary>Reads up to the zero byte; empty for a null pointer.</summary>
    internal static string FromPointer(byte* text) =>
        text == null ? "" : Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    /// <summary>Reads a fixed field up to its first zero byte or its end.</summary>
    internal static string FromField(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}
